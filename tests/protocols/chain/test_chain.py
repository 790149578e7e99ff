import dataclasses
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.chain.base_fee import next_base_fee
from thespis.protocols.chain.block import (
    BlockHeader,
    BlockMessage,
    Ticket,
    load_message_meta,
    save_message_meta,
)
from thespis.protocols.chain.gas_outputs import gas_outputs, overestimation
from thespis.protocols.chain.message import (
    ZERO_ADDRESS,
    Message,
    SignedMessage,
    check_for_inclusion,
)
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX, Tipset, key_bytes, key_cid, parse_key, ticket_hash
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import DecodeError, InvalidMessageError, InvalidTipsetError, ProtocolError
from thespis.protocols.ipld.blockstore import MemoryBlockstore

from tests.protocols.chain import shapes
from tests.vectors import each, load, path


def plain(**changes):
    values = {
        "version": 0, "to": Address.id(1000), "sender": Address.id(1001), "nonce": 0, "value": 1, "gas_limit": 1000,
        "gas_fee_cap": 100, "gas_premium": 1, "method": 0, "params": b"",
    }  # fmt: skip
    return Message(**{**values, **changes})


def test_message_vectors():
    for case in load("message_cbor.json")["cases"]:
        encoded = bytes.fromhex(case["hex_cbor"])
        if not case["valid"]:
            with pytest.raises(DecodeError):
                Message.decode(encoded)
            continue
        message = Message.decode(encoded)
        assert message == shapes.message(case["message"])
        assert cbor.encode(message.to_wire()) == encoded


def test_cid_vectors():
    for case in load("message_and_tipset_cids.json")["cases"]:
        if case["kind"] == "raw":
            assert str(Cid.of(case["block_ascii"].encode())) != ""
            continue
        message = shapes.message(case["message"])
        if "signature" in case:
            signed = SignedMessage(message, shapes.signature(case["signature"]))
            assert str(signed.cid()) == case["cid"]
            assert SignedMessage.decode(signed.encode()) == signed
        else:
            assert str(message.cid()) == case["cid"]


def test_known_message():
    assert plain().encode().hex() == "8a004300e8074300e907004200011903e8420064420001" + "0040"
    assert Message.decode(plain().encode()) == plain()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 1}, "version"),
        ({"to": ZERO_ADDRESS}, "zero address"),
        ({"to": Address.delegated(10, bytes(20))}, "f4"),
        ({"value": -1}, "value"),
        ({"value": 2_000_000_000 * 10**18 + 1}, "value"),
        ({"gas_fee_cap": -1}, "negative"),
        ({"gas_premium": -1}, "negative"),
        ({"gas_premium": 101}, "above the fee cap"),
        ({"gas_limit": 0}, "gas limit"),
        ({"gas_limit": 10_000_000_001}, "gas limit"),
        ({"gas_limit": 99}, "below 100"),
    ],
)
def test_rules_of_inclusion(change, named):
    check_for_inclusion(plain(), 100, 7)
    with pytest.raises(InvalidMessageError, match=named):
        check_for_inclusion(plain(**change), 100, 7)


def test_the_zero_address_was_once_allowed():
    check_for_inclusion(plain(to=ZERO_ADDRESS), 100, 6)


def test_bls_messages_go_by_their_unsigned_cid():
    bls = SignedMessage(plain(), Signature(SignatureType.BLS, bytes(96)))
    secp = SignedMessage(plain(), Signature(SignatureType.SECP256K1, bytes(65)))
    assert bls.chain_cid() == plain().cid() != secp.chain_cid()
    assert bls.chain_length() == len(plain().encode())
    assert secp.chain_length() == len(secp.encode())


@pytest.mark.parametrize("size", [0, 22, 23, 64, 65, 96, 199])
def test_the_bytes_kept_of_a_message_within_a_signed_one_are_its_encoding(size):
    signed = SignedMessage(plain(), Signature(SignatureType.SECP256K1, bytes(size)))
    decoded = SignedMessage.decode(cbor.encode(signed.to_wire()))
    assert decoded.message.encode() == cbor.encode(plain().to_wire())
    assert decoded.message.cid() == plain().cid()


def test_header_vectors():
    for case in load("block_headers.json")["cases"]:
        if "cbor_hex" not in case:
            continue
        encoded = bytes.fromhex(case["cbor_hex"])
        header = BlockHeader.decode(encoded)
        assert header == shapes.header(case["block"])
        assert cbor.encode(header.to_wire()) == encoded
        assert str(header.cid()) == case["cid"]


def test_block_message_vectors():
    for case in load("block_msg_decode.json")["cases"]:
        encoded = bytes.fromhex(case["hex"])
        if case["error"]:
            with pytest.raises(DecodeError):
                BlockMessage.decode(encoded)
        else:
            assert cbor.encode(BlockMessage.decode(encoded).to_wire()) == encoded


def test_ticket_vectors():
    for case in load("ticket_cbor.json")["cases"]:
        ticket = Ticket.decode(bytes.fromhex(case["cbor"] if "cbor" in case else case["cbor_hex"]))
        assert ticket.vrf_proof.hex() == case["vrf_proof_hex"]


def test_message_meta():
    store = MemoryBlockstore()
    assert str(save_message_meta(store, [], [])) == "bafy2bzacecmda75ovposbdateg7eyhwij65zklgyijgcjwynlklmqazpwlhba"
    bls, secpk = [Cid.of(b"%d" % n) for n in range(20)], [Cid.of(b"s%d" % n) for n in range(3)]
    assert load_message_meta(store, save_message_meta(store, bls, secpk)) == (bls, secpk)


def mainnet_tipsets():
    return load("mainnet_first_tipsets.json")


def _headers(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and key in ("cbor_hex", "header_cbor_hex"):
                yield value, bytes.fromhex(item)
            else:
                yield from _headers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _headers(item)


def test_mainnet_headers_decode_and_re_encode():
    found = list(_headers(mainnet_tipsets()))
    if not found:
        pytest.skip("the file gives headers in another form")
    for _case, encoded in found:
        assert cbor.encode(BlockHeader.decode(encoded).to_wire()) == encoded


def block(miner=1000, ticket=b"t", **changes):
    shape = next(case for case in load("block_headers.json")["cases"] if "cbor_hex" in case)
    header = BlockHeader.decode(bytes.fromhex(shape["cbor_hex"]))
    return dataclasses.replace(header, miner=Address.id(miner), ticket=Ticket(ticket), **changes)


def test_tipsets_sort_by_ticket_and_check_their_blocks():
    blocks = [block(1000 + n, b"ticket%d" % n) for n in range(5)]
    random.Random(3).shuffle(blocks)
    tipset = Tipset.of(blocks)
    hashes = [ticket_hash(header.ticket) for header in tipset.blocks]
    assert hashes == sorted(hashes)
    assert tipset.key == tuple(header.cid() for header in tipset.blocks)
    assert parse_key(key_bytes(tipset.key)) == tipset.key
    assert key_cid(tipset.key) == Cid.of(b"\x58" + bytes([len(key_bytes(tipset.key))]) + key_bytes(tipset.key))
    for bad in (
        [],
        [blocks[0], blocks[0]],
        [blocks[0], dataclasses.replace(blocks[1], height=99)],
        [blocks[0], dataclasses.replace(blocks[1], parents=())],
        [blocks[0], dataclasses.replace(blocks[1], parent_weight=1)],
        [blocks[0], dataclasses.replace(blocks[0], timestamp=1)],
        [block(n + 1, b"%d" % n) for n in range(TIPSET_BLOCKS_MAX + 1)],
    ):
        with pytest.raises(InvalidTipsetError):
            Tipset.of(bad)


def test_ties_go_to_the_first_smaller_ticket():
    headers = sorted((block(1, b"%d" % n) for n in range(3)), key=lambda header: ticket_hash(header.ticket))
    low, middle, high = headers
    assert Tipset.of([low]).breaks_tie_before(Tipset.of([middle]))
    assert not Tipset.of([middle]).breaks_tie_before(Tipset.of([low]))
    assert not Tipset.of([low]).breaks_tie_before(Tipset.of([low, dataclasses.replace(high, miner=Address.id(2))]))


@each("base_fee.json")
def test_base_fee_vectors(case):
    path("base_fee.json")
    if case["kind"] == "utilization":
        arguments = (int(case["base_fee"]), int(case["gas_limit_used"]), int(case["no_of_blocks"]))
        assert next_base_fee(*arguments, after_smoke=False) == int(case["pre_smoke"])
        assert next_base_fee(*arguments, after_smoke=True) == int(case["post_smoke"])
    elif case["kind"] == "effective_gas_premium":
        outputs = gas_outputs(
            1, 1, case["base_fee"], case["gas_fee_cap"], case["gas_premium"], charge_network_fee=True
        )  # fmt: skip
        assert outputs.miner_tip == case["expected"]
    else:
        pytest.skip(f"{case['kind']}: the base fee follows premiums from FireHorse on, long after network version 5")


def test_gas_vectors():
    for case in load("gas_outputs.json")["cases"]:
        if case["kind"] == "overestimation_burn":
            assert overestimation(case["gas_used"], case["gas_limit"]) == (case["refund_gas"], case["burn_gas"])
            continue
        outputs = gas_outputs(
            case["gas_used"], case["gas_limit"], case["base_fee"], case["gas_fee_cap"], case["gas_premium"],
            charge_network_fee=case["charge_network_fee"],
        )  # fmt: skip
        for field in ("base_fee_burn", "overestimation_burn", "miner_penalty", "miner_tip", "refund"):
            assert getattr(outputs, field) == case[field]


@given(*(st.integers(0, 10**9) for _ in range(4)), st.integers(0, 10**9))
def test_gas_money_is_neither_made_nor_lost(used, more, base_fee, fee_cap, premium):
    outputs = gas_outputs(used, used + more, base_fee, fee_cap, min(premium, fee_cap), charge_network_fee=True)
    parts = outputs.base_fee_burn + outputs.overestimation_burn + outputs.miner_tip + outputs.refund
    assert parts == fee_cap * (used + more)
    assert outputs.refund >= 0


@given(st.binary(max_size=120))
def test_any_bytes(data):
    for kind in (Message, SignedMessage, BlockHeader, BlockMessage, Ticket):
        try:
            assert cbor.encode(kind.decode(data).to_wire()) == data
        except DecodeError:
            pass


@given(st.data())
def test_mutated_headers(data):
    encoded = bytearray(block().encode())
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert cbor.encode(BlockHeader.decode(bytes(encoded)).to_wire()) == bytes(encoded)
    except ProtocolError:
        pass


def test_a_tipset_has_a_bounded_number_of_blocks():
    blocks = [block(1000 + number, b"ticket%d" % number) for number in range(TIPSET_BLOCKS_MAX + 1)]
    assert len(Tipset.of(blocks[:-1]).blocks) == TIPSET_BLOCKS_MAX
    with pytest.raises(InvalidTipsetError, match=f"at most {TIPSET_BLOCKS_MAX}"):
        Tipset.of(blocks)
    cids = tuple(Cid.of(b"block %d" % number) for number in range(TIPSET_BLOCKS_MAX + 1))
    assert parse_key(key_bytes(cids[:-1])) == cids[:-1]
    with pytest.raises(InvalidTipsetError, match=f"more than {TIPSET_BLOCKS_MAX} blocks"):
        parse_key(key_bytes(cids))
