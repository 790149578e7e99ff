"""Runs message-class vectors of the network's conformance corpus against our machine."""

import base64
import gzip
import io
import json
from dataclasses import dataclass

from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.consensus.randomness import draw_from_digest
from thespis.protocols.crypto.signature import Signature, SignatureType
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.encoding.car import CarReader
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.vm.interpreter import BlockToApply, Rules, execute_tipset
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.state_tree import StateTree

from tests.conformance import chaos

DEFAULT_BASE_FEE = 100
DEFAULT_SUPPLY = 2_000_000_000 * 10**18
FIXED_RANDOMNESS = b"i_am_random_____i_am_random_____"
NETWORK_VERSION_MAX = 5


@dataclass
class Case:
    """One variant of one vector."""

    name: str
    vector: dict
    variant: dict


def cases(root, family, kind="message", *, incorrect=False):
    """Variants up to network version 5 of a family's vectors of one class; of those marked incorrect, or the others."""
    found = []
    for path in sorted((root / family).rglob("*.json")):
        vector = json.loads(path.read_text())
        if vector["class"] != kind or ("incorrect" in (vector.get("hints") or ())) != incorrect:
            continue
        for variant in vector["preconditions"]["variants"]:
            if variant["nv"] <= NETWORK_VERSION_MAX:
                found.append(Case(f"{path.stem}[{variant['id']}]", vector, variant))
    return found


INVALID_PROOF = 16
"""The exit code of a message whose window proof the network refused."""


class RecordedWorld:
    """What a vector recorded of its chain.

    The corpus' SNARKs cannot be checked here, so their outcome is the recorded one: a proof that is asked for within a
    message that the network ended with ILLEGAL_ARGUMENT is taken as refused, every other as accepted.
    """

    def __init__(self, vector):
        self._refused = any(each["exit_code"] == INVALID_PROOF for each in vector["postconditions"]["receipts"])
        supply = vector["preconditions"].get("circ_supply")
        self._supply = DEFAULT_SUPPLY if supply is None else int(supply)
        self._recorded = {}
        for rule in vector.get("randomness") or ():
            kind, epoch = rule["on"]
            self._recorded[kind, epoch] = base64.b64decode(rule["ret"])

    def seal_is_valid(self, _info):
        return not self._refused

    def window_post_is_valid(self, _info):
        return not self._refused

    def ticket_randomness(self, purpose, epoch, entropy):
        return self._drawn("chain", purpose, epoch, entropy)

    def beacon_randomness(self, purpose, epoch, entropy):
        return self._drawn("beacon", purpose, epoch, entropy)

    def _drawn(self, kind, purpose, epoch, entropy):
        """Recorded is the digest of the ticket or entry; what was not recorded is fixed."""
        digest = self._recorded.get((kind, epoch))
        return FIXED_RANDOMNESS if digest is None else draw_from_digest(digest, purpose, epoch, entropy)

    def circulating_supply(self, _epoch, _state):
        return self._supply


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


def run_tipsets(case):
    """As `run`, for vectors that apply whole tipsets."""
    vector, nv = case.vector, case.variant["nv"]
    store = load_store(vector)
    root = Cid.from_text(vector["preconditions"]["state_tree"]["root_cid"]["/"])
    rules = Rules(lambda _epoch: nv)
    start = epoch = case.variant["epoch"]
    receipts, roots, implicit = [], [], []
    for tipset in vector["apply_tipsets"]:
        previous, epoch = epoch, start + tipset["epoch_offset"]
        done = execute_tipset(
            store,
            root,
            [_block(block) for block in tipset["blocks"]],
            parent_epoch=previous,
            epoch=epoch,
            base_fee=int(tipset["basefee"]),
            rules=rules,
            world=RecordedWorld(vector),
        )
        root = done.state_root
        implicit += _implicit_positions(len(receipts) + len(implicit), epoch - previous - 1, tipset["blocks"])
        receipts += done.receipts
        roots.append(str(done.receipts_root))
    differences = []
    listed = vector["postconditions"]["receipts"]
    explicit = [receipt for index, receipt in enumerate(listed) if index not in implicit]
    for index, (got, expected) in enumerate(zip(receipts, explicit, strict=True)):
        returned = base64.b64encode(got.return_value).decode()
        wanted = (expected["exit_code"], expected["return"] or "", expected["gas_used"])
        if (got.exit_code, returned, got.gas_used) != wanted:
            differences.append(f"receipt {index}: {got}, expected {wanted}")
    wanted = [entry["/"] for entry in vector["postconditions"]["receipts_roots"]]
    if roots != wanted:
        differences.append(f"receipts roots {roots}, expected {wanted}")
    wanted = vector["postconditions"]["state_tree"]["root_cid"]["/"]
    if str(root) != wanted:
        differences.append(f"state root {root}, expected {wanted}")
    return differences


def _implicit_positions(start, null_rounds, blocks):
    """Where the corpus lists the receipts of rewards and cron, which no receipts root holds."""
    index = start + max(0, null_rounds)
    positions, seen = list(range(start, index)), set()
    for block in blocks:
        new = set(block["messages"] or []) - seen
        seen |= new
        positions.append(index + len(new))
        index = positions[-1] + 1
    return [*positions, index]


def _block(block):
    """Messages stand in the list that their sender's address tells; an id may be of either kind, so in both."""
    bls, secpk = [], []
    for text in block["messages"] or []:
        message = Message.decode(base64.b64decode(text))
        if message.sender.protocol is not AddressProtocol.SECP256K1:
            bls.append(message)
        if message.sender.protocol is not AddressProtocol.BLS:
            secpk.append(SignedMessage(message, Signature(SignatureType.SECP256K1, bytes(65))))
    return BlockToApply(Address.from_text(block["miner_addr"]), block["win_count"], bls, secpk)


def run(case):
    """The differences between what the vector says and what we do; empty when there are none."""
    vector, nv = case.vector, case.variant["nv"]
    store = load_store(vector)
    root = Cid.from_text(vector["preconditions"]["state_tree"]["root_cid"]["/"])
    base_fee = int(vector["preconditions"].get("basefee") or DEFAULT_BASE_FEE)
    state = StateTree(store, root)
    differences = []
    for index, entry in enumerate(vector["apply_messages"]):
        data = base64.b64decode(entry["bytes"])
        message = SignedMessage.decode(data).message if data[0] == 0x82 else Message.decode(data)
        epoch = case.variant["epoch"] + (entry.get("epoch_offset") or 0)
        extra = chaos.ACTOR if (vector.get("selector") or {}).get("chaos_actor") == "true" else {}
        machine = Machine(state, nv, base_fee, epoch, world=RecordedWorld(vector), extra=extra)
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
