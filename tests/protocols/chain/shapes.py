"""Lotus's JSON shapes of the vectors, turned into our records."""

import base64

from thespis.protocols.chain.block import BeaconEntry, BlockHeader, ElectionProof, PoStProof, Ticket
from thespis.protocols.chain.message import Message
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid


def data(text):
    return base64.b64decode(text or "")


def message(shape):
    return Message(
        shape.get("Version", 0),
        Address.from_text(shape["To"]),
        Address.from_text(shape["From"]),
        shape["Nonce"],
        int(shape["Value"]),
        shape["GasLimit"],
        int(shape["GasFeeCap"]),
        int(shape["GasPremium"]),
        shape["Method"],
        data(shape.get("Params")),
    )


def signature(shape):
    return shape and Signature(SignatureType(shape["Type"]), data(shape["Data"]))


def header(shape):
    proof = shape["ElectionProof"]
    return BlockHeader(
        Address.from_text(shape["Miner"]),
        Ticket(data(shape["Ticket"]["VRFProof"])),
        proof and ElectionProof(proof["WinCount"], data(proof["VRFProof"])),
        tuple(BeaconEntry(entry["Round"], data(entry["Data"])) for entry in shape["BeaconEntries"] or ()),
        tuple(PoStProof(entry["PoStProof"], data(entry["ProofBytes"])) for entry in shape["WinPoStProof"] or ()),
        tuple(Cid.from_text(parent["/"]) for parent in shape["Parents"]),
        int(shape["ParentWeight"]),
        shape["Height"],
        Cid.from_text(shape["ParentStateRoot"]["/"]),
        Cid.from_text(shape["ParentMessageReceipts"]["/"]),
        Cid.from_text(shape["Messages"]["/"]),
        signature(shape["BLSAggregate"]),
        shape["Timestamp"],
        signature(shape["BlockSig"]),
        shape["ForkSignaling"],
        int(shape["ParentBaseFee"]),
    )
