"""Expected Consensus: who may make a block, what it must say, and which chain is followed; in integer arithmetic.

====================  ===============================================================================================
question              rule
====================  ===============================================================================================
who may mine          `eligibility`; with what power and key `epoch` (EpochContext, made by `ChainReader.epoch_context`)
who wins an epoch     `election`, over `exponential`
what is drawn         `randomness`, `beacon`; each draw of a block is a method of EpochContext in `epoch`
is a block valid      `validation`, which asks `header`, `winning_post` and `block_messages` in turn
how a block is made   `block_making`; which messages it takes `selection`
what the pool takes   `admission`; what to pay for it is no consensus and stands in `protocols.chain.fees`
which chain counts    `weight`, `fork_choice`; what no chain can take back `finality`
what is punished      `faults`
what a seal begins    `seal_ticket`; what proofs in messages must show `storage_proofs`
====================  ===============================================================================================
"""
