import base64
import json

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


def test_a_signatures_bytes_are_bounded():
    largest = bytes([SignatureType.BLS]) + bytes(SIGNATURE_BYTES_MAX)
    assert Signature.from_bytes(largest).to_bytes() == largest
    with pytest.raises(SignatureError, match=f"1 to {SIGNATURE_BYTES_MAX + 1}"):
        Signature.from_bytes(largest + b"\0")
