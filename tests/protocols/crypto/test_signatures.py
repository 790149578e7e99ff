import base64
import json
import tracemalloc

import pyblst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.chain.message import Message
from thespis.protocols.crypto import bls, secp256k1
from thespis.protocols.crypto.signature import (
    SIGNATURE_BYTES_MAX,
    Signature,
    SignatureType,
    address_of,
    check_signature,
    sign,
)
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import SignatureError
from thespis.protocols.remembered import Remembered

from tests.properties import examples
from tests.protocols.chain import shapes
from tests.vectors import load

KEY = bytes(range(1, 33))


def test_secp256k1_vectors():
    for case in load("signatures_secp256k1.json")["cases"]:
        kind = case["kind"]
        if kind == "public_key":
            assert secp256k1.public_key(bytes.fromhex(case["private_key_hex"])).hex() == case["public_key_hex"]
        elif kind == "digest":
            block = bytes.fromhex(case["block_hex"])
            import hashlib

            cid = bytes.fromhex("0171a0e40220") + hashlib.blake2b(block, digest_size=32).digest()
            assert secp256k1.digest(cid).hex() == case["digest_hex"]
        elif kind == "sign_message":
            key = base64.b64decode(case["private_key_b64"])
            assert secp256k1.public_key(key) == base64.b64decode(case["public_key_b64"])
            message = Message.decode(bytes.fromhex(case["message_cbor_hex"]))
            signature = sign(SignatureType.SECP256K1, key, message.signing_bytes())
            assert signature.data == base64.b64decode(case["signature_b64"])
            check_signature(signature, Address.from_text(case["from"]), message.signing_bytes())
        elif kind == "recover":
            data = bytes.fromhex(case["r_hex"] + case["s_hex"]) + bytes([int(case["recovery_id"])])
            assert len(secp256k1.recover_digest(data, bytes.fromhex(case["hash_hex"]))) == 65


def test_bls_vectors():
    for case in load("signatures_bls.json")["cases"]:
        kind = case["kind"]
        if kind == "sign_message":
            key = bytes.fromhex(case["private_key_hex_little_endian"])
            message = shapes.message(case["message"])
            if "public_key_hex" in case:
                assert bls.public_key(key).hex() == case["public_key_hex"]
            assert address_of(SignatureType.BLS, key) == message.sender
            signature = sign(SignatureType.BLS, key, message.signing_bytes())
            assert signature.data.hex() == case["signature_hex"]
            check_signature(signature, message.sender, message.signing_bytes())
        elif kind == "verify_bytes":
            signature = Signature(SignatureType.BLS, bytes.fromhex(case["signature_hex"]))
            assert not case["valid"]
            with pytest.raises(SignatureError):
                check_signature(signature, Address.from_text(case["from"]), bytes.fromhex(case["data_hex"]))
        else:
            header = BlockHeader.decode(bytes.fromhex(case["header_cbor_hex"]))
            check_signature(header.block_sig, Address.from_text(case["worker"]), header.signing_bytes())


def test_key_vectors():
    for case in load("keys.json")["cases"]:
        if "export_hex" in case:
            exported = json.loads(bytes.fromhex(case["export_hex"]))
            kind = {"bls": SignatureType.BLS, "secp256k1": SignatureType.SECP256K1}[exported["Type"]]
            address = address_of(kind, base64.b64decode(exported["PrivateKey"]))
            assert address.text(case["address"][0]) == case["address"]


@pytest.mark.parametrize("kind", [SignatureType.SECP256K1, SignatureType.BLS])
def test_sign_and_check(kind):
    address = address_of(kind, KEY)
    signature = sign(kind, KEY, b"data")
    check_signature(signature, address, b"data")
    assert Signature.from_bytes(signature.to_bytes()) == signature
    other = address_of(kind, bytes(range(2, 34)))
    for bad in (
        (signature, address, b"date"),
        (signature, other, b"data"),
        (signature, Address.id(5), b"data"),
        (Signature(SignatureType(3 - kind), signature.data), address, b"data"),
        (Signature(SignatureType.UNKNOWN, b""), address, b"data"),
        (Signature(SignatureType.DELEGATED, bytes(65)), address, b"data"),
        (Signature(kind, signature.data[:-1]), address, b"data"),
        (Signature(kind, b""), address, b"data"),
    ):
        with pytest.raises(SignatureError):
            check_signature(*bad)


@settings(max_examples=examples(60))
@given(st.integers(0, 64 * 8 - 1))
def test_every_flipped_bit_is_noticed(bit):
    for kind in (SignatureType.SECP256K1, SignatureType.BLS):
        signature = sign(kind, KEY, b"data")
        data = bytearray(signature.data)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SignatureError):
            check_signature(Signature(kind, bytes(data)), address_of(kind, KEY), b"data")


def test_aggregates():
    keys = [bytes([n]) + bytes(31) for n in range(1, 6)]
    pairs = [(bls.public_key(key), b"message %d" % n) for n, key in enumerate(keys)]
    total = bls.aggregate([bls.sign(key, message) for key, (_, message) in zip(keys, pairs, strict=True)])
    assert bls.verify_aggregate(pairs, total)
    assert bls.verify_aggregate(pairs[::-1], total)
    assert not bls.verify_aggregate(pairs[:-1], total)
    assert not bls.verify_aggregate([*pairs[:-1], (pairs[-1][0], b"other")], total)
    assert bls.aggregate([]) == bls.INFINITY_SIGNATURE
    assert bls.verify_aggregate([], bls.INFINITY_SIGNATURE)
    assert not bls.verify_aggregate([], total)
    assert not bls.verify_aggregate(pairs, bls.INFINITY_SIGNATURE)


@pytest.mark.parametrize("key", [b"", bytes(48), b"\xc0" + bytes(47), b"\x80" + bytes(47), b"\xff" * 48, bytes(96)])
def test_bad_public_keys(key):
    with pytest.raises(SignatureError):
        bls.check_public_key(key)


def test_points_outside_the_subgroup_are_refused():
    refused = 0
    for x in range(1, 60):
        data = bytearray(x.to_bytes(48, "big"))
        data[0] |= 0x80
        with pytest.raises(SignatureError) as caught:
            bls.check_public_key(bytes(data))
        refused += "NOT_IN_GROUP" in str(caught.value)
    assert refused > 10
    refused = 0
    for x in range(1, 60):
        data = bytearray(x.to_bytes(96, "big"))
        data[0] |= 0x80
        with pytest.raises(SignatureError) as caught:
            bls.verify(bls.public_key(KEY), b"message", bytes(data))
        refused += "NOT_IN_GROUP" in str(caught.value)
    assert refused > 10


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, bytes(31), bytes(33)])
def test_bad_private_keys(key):
    for kind in (SignatureType.SECP256K1, SignatureType.BLS):
        with pytest.raises(SignatureError):
            sign(kind, key, b"")
    with pytest.raises(SignatureError):
        sign(SignatureType.UNKNOWN, KEY, b"")


@given(st.binary(max_size=210))
def test_any_bytes(data):
    try:
        assert Signature.from_bytes(data).to_bytes() == data
    except SignatureError:
        pass


def three(key=KEY):
    messages = [b"ticket", b"election", b"header"]
    return bls.public_key(key), [(message, bls.sign(key, message)) for message in messages]


@pytest.fixture
def verified(monkeypatch):
    """A process that has verified nothing yet."""
    remembered = Remembered(bls.VERIFIED_REMEMBERED_BYTES)
    monkeypatch.setattr(bls, "_verified", remembered)
    return remembered


def test_signatures_verified_together_are_known_one_by_one(verified, monkeypatch):
    key, signed = three()
    assert bls.verify_together(key, signed)
    assert len(verified) == 3
    monkeypatch.setattr(bls, "verify_aggregate", None)  # nothing is computed again
    assert all(bls.verify(key, message, signature) for message, signature in signed)
    monkeypatch.setattr(bls, "pyblst", None)
    assert bls.verify_together(key, signed)
    assert bls.verify_together(key, signed[::-1])


def moved(signature, by, *, back=False):
    """A signature, another added or taken away."""
    shift = pyblst.BlstP2Element.uncompress(by)
    return bytes((pyblst.BlstP2Element.uncompress(signature) + (-shift if back else shift)).compress())


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize("second", [0, 1, 2])
def test_signatures_that_only_add_up_are_not_verified_together(verified, first, second):
    """What is added to one is taken from another: the sum is right and both are wrong."""
    key, signed = three()
    by = bls.sign(KEY, b"anything")
    assert bls.verify_aggregate([(key, m) for m, _ in signed], bls.aggregate([s for _, s in signed]))
    signed[first] = signed[first][0], moved(signed[first][1], by)
    if second != first:
        signed[second] = signed[second][0], moved(signed[second][1], by, back=True)
        assert bls.verify_aggregate([(key, m) for m, _ in signed], bls.aggregate([s for _, s in signed]))
    assert not bls.verify_together(key, signed)
    assert len(verified) == 0
    assert [bls.verify(key, *pair) for pair in signed] == [number not in (first, second) for number in range(3)]
    assert not bls.verify_together(key, signed)


@pytest.mark.parametrize("wrong", [b"", bytes(96), b"\xc0" + bytes(95), b"\x80" + bytes(95), b"\x9f" * 96])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_malformed_signature_is_not_verified_together(verified, wrong, place):
    key, signed = three()
    signed[place] = signed[place][0], wrong
    assert not bls.verify_together(key, signed)
    assert not bls.verify_together(b"no key", signed)
    assert not bls.verify_together(bls.public_key(bytes(31) + b"\x01"), three()[1])
    assert len(verified) == 0


def test_verified_signatures_take_no_more_memory_than_is_counted(verified, monkeypatch):
    keys = [bls.public_key((number + 1).to_bytes(32, "little")) for number in range(4)]
    monkeypatch.setattr(bls, "verify_aggregate", lambda _pairs, _signature: False)
    tracemalloc.start()
    try:
        for number in range(2_000):
            key = bytes(bytearray(keys[number % 4]))
            assert not bls.verify(key, b"%d" % number * 10, number.to_bytes(96, "big"))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(verified) == 2_000
    assert taken <= verified.size_bytes <= bls.VERIFIED_REMEMBERED_BYTES
    bls.verify(keys[0], bytes(bls.VERIFIED_REMEMBERED_BYTES), bytes(96))  # larger than all that may be remembered
    assert len(verified) == 2_000
    bls.verify(keys[0], bytes(bls.VERIFIED_REMEMBERED_BYTES - 1_000), bytes(96))
    assert len(verified) == 1


def test_a_signatures_bytes_are_bounded():
    largest = bytes([SignatureType.BLS]) + bytes(SIGNATURE_BYTES_MAX - 1)
    assert Signature.from_bytes(largest).to_bytes() == largest
    with pytest.raises(SignatureError, match=f"1 to {SIGNATURE_BYTES_MAX}"):
        Signature.from_bytes(largest + b"\0")
