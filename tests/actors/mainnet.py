"""A node that follows mainnet's first tipsets with what the chain itself recorded, for messages that cannot run yet.

Headers, tickets, elections, beacon, weights, base fees, signatures and the messages' commitments are checked as ever.
What is taken from the record is the outcome of execution (part 4 of the plan), and with it powers and worker keys.
"""

import json
from functools import cache

from actors.chain.reader import BlockMessages, miner_power
from actors.chain.writer import ChainWriter
from actors.node import FilecoinNode
from actors.syncer import Syncer
from protocols.chain.block import BlockHeader, save_message_meta
from protocols.chain.message import Message, SignedMessage
from protocols.chain.tipset import Tipset
from protocols.consensus.block_messages import check_block_messages
from protocols.consensus.header import HeaderContext, validate_header
from protocols.consensus.weight import chain_weight
from protocols.encoding.address import Address
from protocols.encoding.cid import Cid
from protocols.errors import ChainError
from protocols.ipld.blockstore import Overlay, save
from protocols.vm.interpreter import Executed
from runtime.actor.supervision import ChildSpec, Plan
from tests.vectors import path


class Record:
    """The vector file, parsed once."""

    def __init__(self):
        data = json.loads(path("mainnet_first_tipsets.json").read_text())
        self.power, self.total = int(data["miner_qa_power"]), int(data["total_qa_power"])
        self.workers = {Address.from_text(k): Address.parse(bytes.fromhex(v)) for k, v in data["workers"].items()}
        self.messages = {Cid.from_text(k): bytes.fromhex(v) for k, v in data["messages"].items()}
        self.tipsets, self.outcomes = [], {}
        self.block_messages = {}
        for case in data["cases"]:
            headers = [BlockHeader.decode(bytes.fromhex(block["header_cbor_hex"])) for block in case["blocks"]]
            tipset = Tipset.of(headers)
            self.tipsets.append(tipset)
            first = headers[0]
            self.outcomes[first.parents] = (first.parent_state_root, first.parent_message_receipts)
            for block in case["blocks"]:
                self.block_messages[Cid.from_text(block["cid"])] = self._messages(block)

    def _messages(self, block):
        bls, secpk = [], []
        for value in block.values():
            for text in value if isinstance(value, list) else ():
                data = self.messages[Cid.from_text(text)]
                if data[0] == 0x82:
                    secpk.append(SignedMessage.decode(data))
                else:
                    bls.append(Message.decode(data))
        return BlockMessages(tuple(bls), tuple(secpk))


@cache
def record():
    return Record()


class RecordedWriter(ChainWriter):
    """A chain writer whose executions are those that mainnet recorded."""

    def _validated(self, header, messages):
        parent = self.tipset(header.parents)
        found = record()
        execution = self.execution(parent.key)
        validate_header(
            header,
            HeaderContext(
                parent=parent,
                parent_state_root=execution.state_root,
                parent_message_receipts=execution.receipts_root,
                parent_network_power=found.total,
                base_fee=self.base_fee(parent),
                worker=found.workers[header.miner],
                miner_power=found.power,
                total_power=found.total,
                previous_beacon=self.beacon_before(parent),
            ),
            self.genesis.profile,
        )
        check_block_messages(header, messages.bls, messages.secpk, lambda sender: sender)
        scratch = Overlay(self.blocks)
        for message in (*messages.bls, *messages.secpk):
            scratch.put(message.cid(), message.encode())
        bls, secpk = [each.cid() for each in messages.bls], [each.cid() for each in messages.secpk]
        save_message_meta(scratch, bls, secpk)
        save(scratch, header.to_wire())
        return scratch.new

    def _run(self, tipset):
        outcome = record().outcomes.get(tipset.key)
        if outcome is None:
            if tipset.key != record().tipsets[-1].key:
                raise ChainError(f"mainnet recorded nothing for a tipset of {len(tipset.key)} blocks")
            outcome = (tipset.blocks[0].parent_state_root, tipset.blocks[0].parent_message_receipts)
        return Executed(*outcome, (), ()), {}

    def weight_after(self, tipset):
        if tipset.height == 0:
            state = self.changeable_state(tipset.blocks[0].parent_state_root, 0)
            assert miner_power(self.blocks, state, Address.id(1000)).total == record().total
        wins = [block.election_proof.win_count for block in tipset.blocks if block.election_proof]
        return chain_weight(tipset.parent_weight, wins, record().total)


class MainnetSyncer(Syncer):
    """The Syncer over the record."""

    writer = RecordedWriter


class MainnetNode(FilecoinNode):
    """What a node needs to sync."""

    plan = Plan(
        children=tuple(
            ChildSpec("Syncer", MainnetSyncer) if spec.role == "Syncer" else spec
            for spec in FilecoinNode.plan.children
            if spec.role not in ("MsgPool", "MiningScheduler", "Api", "Heartbeat", "Wallet")
        ),
        routes={
            event: tuple(role for role in roles if role in ("HelloSvc", "ChainExchange", "Network"))
            for event, roles in FilecoinNode.plan.routes.items()
        },
    )
