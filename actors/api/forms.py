"""JSON forms of chain data, with Go's field names, and back (reference: formats, section 11)."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from thespis.protocols.chain.block import BeaconEntry, BlockHeader, BlockMessage, ElectionProof, PoStProof, Ticket
from thespis.protocols.chain.message import Message, Receipt, SignedMessage
from thespis.protocols.chain.tipset import TIPSET_BLOCKS_MAX, Tipset, TipsetKey
from thespis.protocols.consensus.block_messages import BLOCK_MESSAGES_MAX
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.bitfield import Bitfield
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.errors import BitfieldError, ProtocolError

TEXT_CHARACTERS_MAX = 4096
ITEMS_MAX = 10_000
KEY_TYPES = {1: "secp256k1", 2: "bls"}


class FormError(ProtocolError):
    """A JSON value does not have the shape that its place asks for."""


def written(value: Any, network: str) -> bytes:
    """A form as JSON, its addresses with the letter of a network."""
    return json.dumps(value, separators=(",", ":"), default=lambda address: _address_text(address, network)).encode()


def _address_text(value: Any, network: str) -> str:
    if not isinstance(value, Address):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return value.text(network)


# -- to JSON -------------------------------------------------------------------------------------------------


def cid_form(cid: Cid) -> dict[str, str]:
    """A link."""
    return {"/": str(cid)}


def bytes_form(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode()


def key_form(key: TipsetKey) -> list[dict[str, str]]:
    """A tipset key."""
    return [cid_form(cid) for cid in key]


def bitfield_form(field: Bitfield) -> list[int]:
    """A set of numbers as lengths of runs, zeros first; the empty set is one run of none, as go-bitfield writes it."""
    return field.run_lengths() or [0]


def signature_form(signature: Signature | None) -> dict[str, Any] | None:
    """Type and data."""
    return None if signature is None else {"Type": int(signature.type), "Data": bytes_form(signature.data)}


def message_form(message: Message, cid: Cid | None = None) -> dict[str, Any]:
    """A message, with the CID by which the chain knows it."""
    return {
        "Version": message.version,
        "To": message.to,
        "From": message.sender,
        "Nonce": message.nonce,
        "Value": str(message.value),
        "GasLimit": message.gas_limit,
        "GasFeeCap": str(message.gas_fee_cap),
        "GasPremium": str(message.gas_premium),
        "Method": message.method,
        "Params": bytes_form(message.params),
        "CID": cid_form(cid or message.cid()),
    }


def signed_form(signed: SignedMessage) -> dict[str, Any]:
    """A signed message."""
    cid = signed.chain_cid()
    return {
        "Message": message_form(signed.message, cid),
        "Signature": signature_form(signed.signature),
        "CID": cid_form(cid),
    }


def receipt_form(receipt: Receipt) -> dict[str, Any]:
    """A receipt; these network versions have no events."""
    return {
        "ExitCode": receipt.exit_code,
        "Return": bytes_form(receipt.return_value),
        "GasUsed": receipt.gas_used,
        "EventsRoot": None,
    }


def header_form(header: BlockHeader) -> dict[str, Any]:
    """A block header."""
    proof = header.election_proof
    return {
        "Miner": header.miner,
        "Ticket": None if header.ticket is None else {"VRFProof": bytes_form(header.ticket.vrf_proof)},
        "ElectionProof": None
        if proof is None
        else {"WinCount": proof.win_count, "VRFProof": bytes_form(proof.vrf_proof)},
        "BeaconEntries": [beacon_form(entry) for entry in header.beacon_entries],
        "WinPoStProof": [
            {"PoStProof": each.proof_type, "ProofBytes": bytes_form(each.proof_bytes)} for each in header.win_post_proof
        ],
        "Parents": key_form(header.parents),
        "ParentWeight": str(header.parent_weight),
        "Height": header.height,
        "ParentStateRoot": cid_form(header.parent_state_root),
        "ParentMessageReceipts": cid_form(header.parent_message_receipts),
        "Messages": cid_form(header.messages),
        "BLSAggregate": signature_form(header.bls_aggregate),
        "Timestamp": header.timestamp,
        "BlockSig": signature_form(header.block_sig),
        "ForkSignaling": header.fork_signaling,
        "ParentBaseFee": str(header.parent_base_fee),
    }


def beacon_form(entry: BeaconEntry) -> dict[str, Any]:
    """A beacon entry."""
    return {"Round": entry.round, "Data": bytes_form(entry.data)}


def tipset_form(tipset: Tipset) -> dict[str, Any]:
    """A tipset."""
    return {
        "Cids": key_form(tipset.key),
        "Blocks": [header_form(header) for header in tipset.blocks],
        "Height": tipset.height,
    }


# -- from JSON -----------------------------------------------------------------------------------------------


AMOUNT = re.compile(r"[+-]?[0-9]+", re.ASCII)
AMOUNT_CHARACTERS_MAX = 310
"""As long as the 128 bytes to which the chain bounds big integers."""
_JSON_NAMES = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a fraction", bool: "a truth"}


def _need(value: Any, kind: type | tuple[type, ...], what: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise FormError(f"{_JSON_NAMES.get(type(value), 'null')} where {what} belongs")
    return value


def _bounded(value: int, least: int, most: int, what: str) -> int:
    if not least <= value <= most:
        raise FormError(f"{value} where {what} belongs, from {least} to {most}")
    return value


def _list(value: Any, what: str, most: int = ITEMS_MAX) -> list[Any]:
    items: list[Any] = _need(value, list, what)
    if len(items) > most:
        raise FormError(f"{what} of {len(items)} entries; it has at most {most}")
    return items


def text(value: Any) -> str:
    """A text that is Unicode: JSON can write halves of characters, which nothing else can."""
    found = str(_need(value, str, "a text"))
    if len(found) > TEXT_CHARACTERS_MAX:
        raise FormError(f"a text of {len(found)} characters; it has at most {TEXT_CHARACTERS_MAX}")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise FormError("a text with half of a surrogate pair; escape both halves") from None
    return found


def integer(value: Any) -> int:
    """A whole number."""
    number = int(_need(value, int, "a whole number"))
    if not -(1 << 63) <= number < 1 << 64:
        raise FormError(f"a number of {number.bit_length()} bits; numbers have 64, larger ones are texts")
    return number


def natural(value: Any) -> int:
    """A whole number from 0 on."""
    number = integer(value)
    if number < 0:
        raise FormError(f"{number} where a number from 0 on belongs")
    return number


def height(value: Any) -> int:
    """An epoch, which may be -1 where that means any."""
    return _bounded(integer(value), -(1 << 63), (1 << 63) - 1, "an epoch")


def epoch(value: Any) -> int:
    """The epoch of a block."""
    return _bounded(natural(value), 0, (1 << 63) - 1, "an epoch")


def identity(value: Any) -> str | float:
    """What a caller calls a request: a text or a number."""
    found: str | float = _need(value, (str, int, float), "the id of a request")
    return found


def integers(value: Any) -> tuple[int, ...]:
    """A list of whole numbers."""
    return tuple(natural(item) for item in _list(value, "a list of numbers"))


def optional_integer(value: Any) -> int | None:
    """A whole number, or null."""
    return None if value is None else integer(value)


def optional_bitfield(value: Any) -> Bitfield | None:
    """A set of numbers as lengths of runs, the first of them of what is not in it; or null."""
    if value is None:
        return None
    try:
        return Bitfield.from_run_lengths(integers(value))
    except BitfieldError as error:
        raise FormError(str(error)) from None


def boolean(value: Any) -> bool:
    """True or false."""
    return bool(_need(value, bool, "true or false"))


def anything(value: Any) -> Any:
    """Whatever came."""
    return value


def amount(value: Any) -> int:
    """A big integer as decimal text; the empty text and null are zero."""
    digits = "" if value is None else _need(value, str, 'a decimal text such as "1000"')
    if not digits:
        return 0
    if len(digits) > AMOUNT_CHARACTERS_MAX or AMOUNT.fullmatch(digits) is None:
        raise FormError(f"{digits[:40]!r} is no whole number in decimal of at most {AMOUNT_CHARACTERS_MAX} characters")
    return int(digits)


def binary(value: Any) -> bytes:
    """Bytes from base64; null is none."""
    if value is None:
        return b""
    try:
        return base64.b64decode(_need(value, str, "base64"), validate=True)
    except ValueError as error:
        raise FormError(f"not base64: {error}") from None


def cid(value: Any) -> Cid:
    """A link, in any base that the reference's JSON reads."""
    return Cid.from_any_text(text(_need(value, dict, 'a link such as {"/": "bafy…"}').get("/")))


def address(value: Any) -> Address:
    """An address."""
    return Address.from_text(text(value))


def key(value: Any) -> TipsetKey:
    """A tipset key; null and the empty list mean the head."""
    return tuple(cid(item) for item in _list(value if value is not None else [], "a tipset key", TIPSET_BLOCKS_MAX))


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(text(item) for item in _list(value, "a list of texts"))


def signature(value: Any) -> Signature:
    """A signature."""
    fields = _need(value, dict, "a signature")
    kind = _bounded(natural(fields.get("Type")), 0, max(SignatureType), "a type of signatures")
    return Signature(SignatureType(kind), binary(fields.get("Data")))


def key_type(value: Any) -> str:
    """A kind of keys by its name, or by the number of its signatures (Lotus ``chain/types/keystore.go``, KeyType)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return KEY_TYPES[_bounded(value, min(KEY_TYPES), max(KEY_TYPES), "a type of keys")]
    return text(value)


def key_info(value: Any) -> tuple[str, bytes]:
    """Type and bytes of a key: ``{"Type", "PrivateKey"}``, or go-filecoin's ``{"KeyInfo": [{"curve", …}]}``."""
    fields = _need(value, dict, "a key")
    if "KeyInfo" not in fields:
        return key_type(fields.get("Type")), binary(fields.get("PrivateKey"))
    keys = _list(fields["KeyInfo"], "a list of keys", 1)
    if not keys:
        raise FormError("a list of no keys; it has one")
    fields = _need(keys[0], dict, "a key")
    return key_type(fields.get("curve")), binary(fields.get("privateKey"))


def message(value: Any) -> Message:
    """A message; what is left out or null is zero, as Go reads it."""
    fields = {name: each for name, each in _need(value, dict, "a message").items() if each is not None}
    return Message(
        version=Unsigned(natural(fields.get("Version", 0))),
        to=address(fields.get("To")),
        sender=address(fields.get("From")),
        nonce=Unsigned(natural(fields.get("Nonce", 0))),
        value=TokenAmount(amount(fields.get("Value", "0"))),
        gas_limit=height(fields.get("GasLimit", 0)),
        gas_fee_cap=TokenAmount(amount(fields.get("GasFeeCap", "0"))),
        gas_premium=TokenAmount(amount(fields.get("GasPremium", "0"))),
        method=Unsigned(natural(fields.get("Method", 0))),
        params=binary(fields.get("Params")),
    )


def signed(value: Any) -> SignedMessage:
    """A signed message."""
    fields = _need(value, dict, "a signed message")
    return SignedMessage(message(fields.get("Message")), signature(fields.get("Signature")))


def send_spec(value: Any) -> int:
    """The largest fee of a message send spec; 0 is no bound, and so is null for either."""
    spec = _need(value if value is not None else {}, dict, "a send spec")
    fee = amount(spec.get("MaxFee"))
    if fee < 0:
        raise FormError(f"MaxFee {fee} is negative; 0 is no bound")
    return fee


def block_message(value: Any) -> BlockMessage:
    """A block with the CIDs of its messages."""
    fields = _need(value, dict, "a block message")
    return BlockMessage(
        header(fields.get("Header")),
        tuple(cid(item) for item in _list(fields.get("BlsMessages") or [], "a list of messages", BLOCK_MESSAGES_MAX)),
        tuple(cid(item) for item in _list(fields.get("SecpkMessages") or [], "a list of messages", BLOCK_MESSAGES_MAX)),
    )


def _optional(fields: dict[str, Any], name: str) -> dict[str, Any] | None:
    found = fields.get(name)
    return None if found is None else _need(found, dict, f"an object for {name}")


def _objects(fields: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [_need(each, dict, f"an object in {name}") for each in _list(fields.get(name) or [], name)]


def header(value: Any) -> BlockHeader:
    """A block header."""
    fields = _need(value, dict, "a block header")
    ticket, proof = _optional(fields, "Ticket"), _optional(fields, "ElectionProof")
    aggregate, block_signature = fields.get("BLSAggregate"), fields.get("BlockSig")
    return BlockHeader(
        miner=address(fields.get("Miner")),
        ticket=None if ticket is None else Ticket(binary(ticket.get("VRFProof"))),
        election_proof=None
        if proof is None
        else ElectionProof(height(proof.get("WinCount")), binary(proof.get("VRFProof"))),
        beacon_entries=tuple(
            BeaconEntry(Unsigned(natural(entry.get("Round"))), binary(entry.get("Data")))
            for entry in _objects(fields, "BeaconEntries")
        ),
        win_post_proof=tuple(
            PoStProof(height(each.get("PoStProof")), binary(each.get("ProofBytes")))
            for each in _objects(fields, "WinPoStProof")
        ),
        parents=key(fields.get("Parents")),
        parent_weight=BigInteger(amount(fields.get("ParentWeight"))),
        height=ChainEpoch(epoch(fields.get("Height"))),
        parent_state_root=cid(fields.get("ParentStateRoot")),
        parent_message_receipts=cid(fields.get("ParentMessageReceipts")),
        messages=cid(fields.get("Messages")),
        bls_aggregate=None if aggregate is None else signature(aggregate),
        timestamp=Unsigned(natural(fields.get("Timestamp"))),
        block_sig=None if block_signature is None else signature(block_signature),
        fork_signaling=Unsigned(natural(fields.get("ForkSignaling", 0))),
        parent_base_fee=TokenAmount(amount(fields.get("ParentBaseFee"))),
    )
