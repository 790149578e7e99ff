"""Mainnet's first 33 tipsets pass the full header validation; each header with one field changed fails by its name."""

import dataclasses

import pytest
from thespis.protocols.chain.base_fee import next_base_fee
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.epoch import EpochContext
from thespis.protocols.consensus.header import validate_header
from thespis.protocols.consensus.weight import tipset_weight
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import (
    BlockBaseFeeError,
    BlockBeaconError,
    BlockElectionError,
    BlockParentsError,
    BlockReceiptsError,
    BlockSignatureError,
    BlockStateRootError,
    BlockTicketError,
    BlockTimestampError,
    BlockWeightError,
    BlockWinCountError,
    InvalidBlockError,
)
from thespis.protocols.networks.mainnet_2020 import MAINNET_2020

from tests.vectors import load


class Chain:
    def __init__(self):
        self.vectors = load("mainnet_first_tipsets.json")
        self.power = int(self.vectors["miner_qa_power"])
        self.total = int(self.vectors["total_qa_power"])
        assert MAINNET_2020.beacon.public_key.hex() == self.vectors["drand_public_key"]
        self.tipsets = []
        for case in self.vectors["cases"]:
            headers = [BlockHeader.decode(bytes.fromhex(block["header_cbor_hex"])) for block in case["blocks"]]
            tipset = Tipset.of(headers)
            assert [str(cid) for cid in tipset.key] == [block["cid"] for block in case["blocks"]]
            assert list(tipset.blocks) == headers, "the file gives blocks in tipset order"
            self.tipsets.append(tipset)

    def gas_limits(self, case):
        limits = {}
        for block in case["blocks"]:
            for value in block.values():
                if isinstance(value, list):
                    for cid in value:
                        data = bytes.fromhex(self.vectors["messages"][cid])
                        message = SignedMessage.decode(data).message if data[0] == 0x82 else Message.decode(data)
                        limits[cid] = message.gas_limit
        return sum(limits.values())

    def contexts(self):
        for index in range(1, len(self.tipsets)):
            parent, tipset = self.tipsets[index - 1], self.tipsets[index]
            gas = self.gas_limits(self.vectors["cases"][index - 1])
            base_fee = next_base_fee(parent.blocks[0].parent_base_fee, gas, len(parent.blocks), after_smoke=False)
            entries = [entry for earlier in self.tipsets[:index] for entry in earlier.blocks[0].beacon_entries]
            for header in tipset.blocks:
                worker = Address.parse(bytes.fromhex(self.vectors["workers"][str(header.miner)]))
                yield (
                    header,
                    EpochContext(
                        profile=MAINNET_2020,
                        parent=parent,
                        height=header.height,
                        miner=header.miner,
                        worker=worker,
                        miner_power=self.power,
                        total_power=self.total,
                        eligible=True,
                        parent_weight=tipset_weight(parent, self.total),
                        parent_state_root=tipset.blocks[0].parent_state_root,
                        parent_message_receipts=tipset.blocks[0].parent_message_receipts,
                        base_fee=base_fee,
                        previous_beacon=entries[-1],
                    ),
                )


@pytest.fixture(scope="module")
def chain():
    return Chain()


def test_every_header_is_valid(chain):
    count = 0
    for header, context in chain.contexts():
        validate_header(header, context)
        count += 1
    assert count == 48


def flip(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def changes(header):
    other = Cid.of(b"other")
    proof = header.election_proof
    entry = header.beacon_entries[-1]
    yield BlockParentsError, {"parents": (*header.parents, other)}
    if len(header.parents) > 1:
        yield BlockParentsError, {"parents": header.parents[::-1]}
    yield BlockParentsError, {"height": 0}
    yield BlockTimestampError, {"height": header.height + 1}
    yield BlockTimestampError, {"timestamp": header.timestamp + 1}
    yield BlockWeightError, {"parent_weight": header.parent_weight + 1}
    yield BlockBaseFeeError, {"parent_base_fee": header.parent_base_fee + 1}
    yield BlockStateRootError, {"parent_state_root": other}
    yield BlockReceiptsError, {"parent_message_receipts": other}
    yield BlockBeaconError, {"beacon_entries": ()}
    yield BlockBeaconError, {"beacon_entries": (*header.beacon_entries, entry)}
    yield BlockBeaconError, {"beacon_entries": (dataclasses.replace(entry, round=entry.round + 1),)}
    if header.height > 1:
        changed = dataclasses.replace(entry, data=flip(entry.data))
        yield BlockBeaconError, {"beacon_entries": (*header.beacon_entries[:-1], changed)}
    yield BlockTicketError, {"ticket": None}
    yield BlockTicketError, {"ticket": dataclasses.replace(header.ticket, vrf_proof=flip(header.ticket.vrf_proof))}
    yield BlockTicketError, {"miner": Address.id(1099)}
    yield BlockElectionError, {"election_proof": None}
    yield BlockElectionError, {"election_proof": dataclasses.replace(proof, vrf_proof=header.ticket.vrf_proof)}
    yield BlockWinCountError, {"election_proof": dataclasses.replace(proof, win_count=proof.win_count + 1)}
    yield BlockSignatureError, {"block_sig": None}
    signature = dataclasses.replace(header.block_sig, data=header.ticket.vrf_proof)
    yield BlockSignatureError, {"block_sig": signature}
    yield BlockSignatureError, {"messages": other}
    yield BlockSignatureError, {"fork_signaling": 1}
    yield BlockSignatureError, {"bls_aggregate": None}
    yield BlockSignatureError, {"win_post_proof": ()}


def test_every_changed_field_is_named(chain):
    checked = 0
    for header, context in list(chain.contexts())[::6]:
        for error, change in changes(header):
            with pytest.raises(InvalidBlockError) as caught:
                changed = dataclasses.replace(header, **change)
                place = dataclasses.replace(context, height=changed.height, miner=changed.miner)
                validate_header(changed, place)
            assert type(caught.value) is error, (header.height, change, caught.value)
            checked += 1
    assert checked > 150


def test_another_worker_or_less_power_fails(chain):
    header, context = next(iter(chain.contexts()))
    stranger = Address.parse(bytes.fromhex(chain.vectors["workers"]["f01002"]))
    with pytest.raises(BlockTicketError):
        validate_header(header, dataclasses.replace(context, worker=stranger))
    with pytest.raises(BlockWinCountError):
        validate_header(header, dataclasses.replace(context, miner_power=0))
    with pytest.raises(BlockElectionError, match="no power to mine with"):
        validate_header(header, dataclasses.replace(context, eligible=False))
