"""What is final of the accounts that send: neither what a nonce was used for nor who has an id can change there."""

from __future__ import annotations

from thespis.actors.chain.reader import ChainReader, or_none
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.finality import final_height
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.vm.state_tree import StateTree


def final_state(chain: ChainReader, head: Tipset) -> StateTree | None:
    """The newest state that no reorganisation takes back; None where states of so long ago are not kept."""
    height = final_height(head.height, chain.genesis.profile.finality_epochs)
    return or_none(lambda: chain.state_after(chain.at_height(max(0, height - 1), head)))


def same_wherever(chain: ChainReader, head: Tipset, sender: Address) -> bool:
    """Whether an address means the same account wherever an honest peer's chain may part from ours.

    An id is given by the chain: after a partition an honest peer sends for an id what here is somebody else's, and may
    not be blamed for the signature. A key is the same everywhere.
    """
    if sender.protocol is not AddressProtocol.ID:
        return True
    final = final_state(chain, head)
    if final is None:
        return False
    here, there = chain.state_after(head).get(sender), final.get(sender)
    return here is not None and there is not None and (here.code, here.head) == (there.code, there.head)
