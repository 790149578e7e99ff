"""Runs message-class vectors of the network's conformance corpus against our machine."""

import base64
import gzip
import io
import json
from dataclasses import dataclass

from protocols.chain.message import Message, SignedMessage
from protocols.crypto.signature import Signature, SignatureType
from protocols.encoding.address import AddressProtocol
from protocols.encoding.car import CarReader
from protocols.encoding.cid import Cid
from protocols.ipld.blockstore import MemoryBlockstore
from protocols.vm.machine import Machine
from protocols.vm.state_tree import StateTree

DEFAULT_BASE_FEE = 100
NETWORK_VERSION_MAX = 5


@dataclass
class Case:
    """One variant of one vector."""

    name: str
    vector: dict
    variant: dict


def cases(root, family):
    """Every variant up to network version 5 of a family's message-class vectors."""
    found = []
    for path in sorted((root / family).glob("*.json")):
        vector = json.loads(path.read_text())
        if vector["class"] != "message":
            continue
        for variant in vector["preconditions"]["variants"]:
            if variant["nv"] <= NETWORK_VERSION_MAX:
                found.append(Case(f"{path.stem}[{variant['id']}]", vector, variant))
    return found


def load_store(vector):
    store = MemoryBlockstore()
    car = gzip.decompress(base64.b64decode(vector["car"]))
    for cid, block in CarReader(io.BytesIO(car)):
        store.put(cid, block)
    return store


def chain_length(message):
    """The corpus holds unsigned messages; those of secp256k1 senders count with a signature of the usual size."""
    if message.sender.protocol is AddressProtocol.SECP256K1:
        return SignedMessage(message, Signature(SignatureType.SECP256K1, bytes(65))).chain_length()
    return len(message.encode())


def run(case):
    """The differences between what the vector says and what we do; empty when there are none."""
    vector, nv = case.vector, case.variant["nv"]
    store = load_store(vector)
    root = Cid.from_text(vector["preconditions"]["state_tree"]["root_cid"]["/"])
    base_fee = int(vector["preconditions"].get("basefee") or DEFAULT_BASE_FEE)
    state = StateTree(store, root, nv)
    differences = []
    for index, entry in enumerate(vector["apply_messages"]):
        data = base64.b64decode(entry["bytes"])
        message = SignedMessage.decode(data).message if data[0] == 0x82 else Message.decode(data)
        machine = Machine(state, nv, base_fee, case.variant["epoch"] + (entry.get("epoch_offset") or 0))
        applied = machine.apply(message, chain_length(message))
        expected = vector["postconditions"]["receipts"][index]
        got = {
            "exit_code": applied.receipt.exit_code,
            "return": base64.b64encode(applied.receipt.return_value).decode(),
            "gas_used": applied.receipt.gas_used,
        }
        for field, value in got.items():
            if (expected[field] or type(value)()) != value:
                differences.append(f"message {index} {field}: {value}, expected {expected[field]} ({applied.reason})")
    after = str(state.flush())
    wanted = vector["postconditions"]["state_tree"]["root_cid"]["/"]
    if after != wanted:
        differences.append(f"state root {after}, expected {wanted}")
    return differences
