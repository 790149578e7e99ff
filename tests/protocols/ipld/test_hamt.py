import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.car import CarReader
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.varint import encode_varint
from thespis.protocols.errors import DecodeError, EncodeError, NodeError, ProtocolError
from thespis.protocols.ipld.blockstore import MemoryBlockstore, save
from thespis.protocols.ipld.hamt import BIT_WIDTH_MAX, KEY_BYTES_MAX, Hamt, HamtVersion, sha256

from tests.properties import examples
from tests.vectors import load, path


def identity_hash(key):
    return key[:32].ljust(32, b"\0")


def _key(form, index):
    return encode_varint(index) if form.startswith("uvarint") else str(index).encode()


def _range_value(form, index):
    if form.startswith("uint"):
        return 42 if "42" in form else index
    return b"filler" if "filler" in form else str(index).encode()


def test_vectors():
    vectors = load("hamt_v3.json")
    for case in vectors["cases"]:
        function = sha256 if case["hash"] == "sha2-256" else identity_hash
        store = MemoryBlockstore()
        hamt = Hamt(store, bit_width=case["bit_width"], hash_function=function)
        for step in case["steps"]:
            kind = step["op"]
            if kind == "set":
                value = step["value"]
                data = bytes.fromhex(value["bytes_hex"]) if "bytes_hex" in value else value["uint"]
                hamt.set(bytes.fromhex(step["key_hex"]), data)
            elif kind == "set_range":
                for index in range(step["from"], step["to_exclusive"]):
                    hamt.set(_key(step["key"], index), _range_value(step["value"], index))
            elif kind == "delete":
                assert hamt.delete(bytes.fromhex(step["key_hex"]))
            elif kind == "delete_range":
                for index in range(step["from"], step["to_exclusive"]):
                    assert hamt.delete(_key(step["key"], index))
            else:
                assert kind == "expect_root"
                root = hamt.flush()
                assert str(root) == step["cid"], case["test"]
                hamt = Hamt(store, root, bit_width=case["bit_width"], hash_function=function)


def test_node_vectors():
    vectors = load("hamt_v3.json")
    store = MemoryBlockstore()
    assert store.get(Hamt(store).flush()).hex() == vectors["empty_root_block_hex"]
    for case in vectors["hash_bits"]:
        data = bytes.fromhex(case["key_hex"])
        position, total = 0, int.from_bytes(data, "big")
        for width, expected in case["reads"]:
            shift = 8 * len(data) - position - width
            if shift < 0:
                break
            assert total >> shift & ((1 << width) - 1) == expected
            position += width
    for case in vectors["bitfield_cbor"]:
        bits = sum(1 << bit for bit in case["bits"])
        assert cbor.encode(bits.to_bytes((bits.bit_length() + 7) // 8, "big")).hex() == case["cbor_hex"]


def test_writes_only_what_changed():
    store = MemoryBlockstore()
    hamt = Hamt(store)
    for index in range(2000):
        hamt.set(b"%d" % index, index)
    hamt.flush()
    before = len(store)
    assert not hamt.set(b"77", 77)
    hamt.flush()
    assert len(store) == before
    assert hamt.set(b"77", 78)
    hamt.flush()
    assert 1 <= len(store) - before <= 4


def test_what_was_set_is_in_it_and_nothing_else():
    hamt = Hamt(MemoryBlockstore())
    assert hamt.set(b"a", 1)
    assert not hamt.set(b"a", 1)
    assert hamt.get(b"a") == 1
    assert b"b" not in hamt


@pytest.mark.parametrize("version", HamtVersion)
@pytest.mark.parametrize("width", [1, 3, 5, 8])
def test_root_does_not_depend_on_history(version, width):
    rng = random.Random(5)
    keys = [b"k%d" % index for index in range(300)]
    plain = Hamt(MemoryBlockstore(), bit_width=width, version=version)
    for key in keys:
        plain.set(key, key)
    roots = {plain.flush()}
    for _ in range(3):
        rng.shuffle(keys)
        hamt = Hamt(MemoryBlockstore(), bit_width=width, version=version)
        for key in keys:
            hamt.set(key, key)
        extra = [b"extra%d" % index for index in range(200)]
        for key in extra:
            hamt.set(key, 0)
        rng.shuffle(extra)
        for key in extra:
            assert hamt.delete(key)
        roots.add(hamt.flush())
    assert len(roots) == 1


def test_mainnet_genesis_actors():
    store = MemoryBlockstore()
    with path("mainnet/genesis.car").open("rb") as stream:
        reader = CarReader(stream)
        for cid, block in reader:
            store.put(cid, block)
    [case] = [case for case in load("genesis_blocks.json")["cases"] if case["network"] == "mainnet"]
    assert [str(root) for root in reader.roots] == [case["genesis_cid"]]
    assert store.get(reader.roots[0]).hex() == case["header_cbor_hex"]
    state_root = cbor.decode(store.get(reader.roots[0]))[8]
    assert str(state_root) == case["state_root"]
    actors = dict(Hamt(store, state_root, version=HamtVersion.V0).items())
    assert len(actors) == case["actor_count"]
    total = 0
    for expected in case["actors"]:
        code, head, nonce, balance = actors[bytes.fromhex(expected["id_address_bytes"])]
        assert str(code) == expected["code"]["/"]
        assert str(head) == expected["head"]["/"]
        assert nonce == expected["nonce"]
        assert balance == bytes.fromhex(expected["balance_bytes"])
    for _code, _head, _nonce, balance in actors.values():
        total += int.from_bytes(balance, "big")
    assert total == 2_000_000_000 * 10**18
    # the tree that holds them writes back to the same root
    again = Hamt(MemoryBlockstore(), version=HamtVersion.V0)
    for key, value in actors.items():
        again.set(key, value)
    assert again.flush() == state_root


@pytest.mark.parametrize(
    "node",
    [
        [],
        [b"", [], 1],
        [b"\x01", []],
        [b"\x00\x01", [[[b"k", 1]]]],
        [b"\x01", [[]]],
        [b"\x01", [[[b"b", 1], [b"a", 2]]]],
        [b"\x01", [[[b"a", 1], [b"a", 2]]]],
        [b"\x01", [[[b"%d" % index, 0] for index in range(4)]]],
        [b"\x01", [[["text", 1]]]],
        [b"\x01" + b"\x00" * 4, [[[b"a", 1]]]],
        [b"\x01", [7]],
    ],
)
def test_bad_nodes(node):
    store = MemoryBlockstore()
    block = cbor.encode(node)
    cid = Cid.of(block)
    store.put(cid, block)
    with pytest.raises(NodeError):
        list(Hamt(store, cid).items())


@settings(max_examples=examples(150))
@given(st.data())
def test_mutated_nodes_raise_typed_errors_only(data):
    source = MemoryBlockstore()
    hamt = Hamt(source, bit_width=3)
    for index in range(30):
        hamt.set(b"%d" % index, index)
    root = hamt.flush()
    mutated = MemoryBlockstore()
    for cid, block in source:
        changed = bytearray(block)
        if data.draw(st.booleans()):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        mutated.put(cid, bytes(changed))
    try:
        list(Hamt(mutated, root, bit_width=3).items())
    except ProtocolError:
        pass


def test_a_node_that_links_to_itself_ends():
    # cannot be built with a real hash; a store that lies must not hang the reader for ever
    store = MemoryBlockstore()
    cid = Cid.of(b"liar")
    store.put(cid, cbor.encode([b"\xff\xff\xff\xff", [cid] * 32]))
    with pytest.raises((DecodeError, RecursionError)):
        Hamt(store, cid).get(b"key")


class HamtMachine(RuleBasedStateMachine):
    """The HAMT against a dictionary, with reloads; width 2 makes it deep."""

    def __init__(self):
        super().__init__()
        self.store = MemoryBlockstore()
        self.hamt = Hamt(self.store, bit_width=2)
        self.model = {}

    keys = st.integers(0, 60).map(lambda number: b"%d" % number)

    @rule(key=keys, value=st.integers(0, 3))
    def set(self, key, value):
        assert self.hamt.set(key, value) == (self.model.get(key) != value)
        self.model[key] = value

    @rule(key=keys)
    def delete(self, key):
        assert self.hamt.delete(key) == (key in self.model)
        self.model.pop(key, None)

    @rule()
    def reload(self):
        self.hamt = Hamt(self.store, self.hamt.flush(), bit_width=2)

    @rule(key=keys)
    def get(self, key):
        assert self.hamt.get(key) == self.model.get(key)

    @invariant()
    def same_entries_and_canonical_root(self):
        assert dict(self.hamt.items()) == self.model
        fresh = Hamt(MemoryBlockstore(), bit_width=2)
        for key, value in self.model.items():
            fresh.set(key, value)
        assert fresh.flush() == self.hamt.flush()


HamtMachine.TestCase.settings = settings(max_examples=examples(30), stateful_step_count=40)
TestHamtMachine = HamtMachine.TestCase


def _record(actor, version):
    fields = [
        Cid.from_text(actor["code"]["/"]),
        Cid.from_text(actor["head"]["/"]),
        actor["nonce"],
        bytes.fromhex(actor["balance_bytes"]),
    ]
    if version >= 5:
        delegated = actor["delegated"]
        fields.append(None if delegated is None else bytes.fromhex(delegated.get("bytes", delegated.get("hex", ""))))
    return fields


@pytest.mark.parametrize("index", range(5))
def test_genesis_state_roots_are_rebuilt_from_their_actors(index):
    case = load("genesis_blocks.json")["cases"][index]
    header = bytes.fromhex(case["header_cbor_hex"])
    assert str(Cid.of(header)) == case["genesis_cid"]
    assert str(cbor.decode(header)[8]) == case["state_root"]
    assert len(case["actors"]) == case["actor_count"]
    version = case["state_root_version"]
    store = MemoryBlockstore()
    tree = Hamt(store, version=HamtVersion.V0 if version == 0 else HamtVersion.V3)
    for actor in case["actors"]:
        tree.set(bytes.fromhex(actor["id_address_bytes"]), _record(actor, version))
    root = tree.flush()
    if version:
        root = save(store, [version, root, save(store, [])])
    assert str(root) == case["state_root"], case["network"]


def test_maps_over_one_root_do_not_share_changes():
    store = MemoryBlockstore()
    first = Hamt(store)
    for number in range(40):
        first.set(b"%d" % number, number)
    root = first.flush()
    left, right = Hamt(store, root), Hamt(store, root)
    left.set(b"1", "other")
    left.delete(b"2")
    assert (right.get(b"1"), right.get(b"2")) == (1, 2)
    assert (Hamt(store, root).get(b"1"), left.get(b"1"), left.get(b"2")) == (1, "other", None)
    assert right.flush() == root


def test_widths_and_keys_have_bounds():
    store = MemoryBlockstore()
    for width in (1, BIT_WIDTH_MAX):
        hamt = Hamt(store, bit_width=width)
        hamt.set(b"k" * KEY_BYTES_MAX, 1)
        assert Hamt(store, hamt.flush(), bit_width=width).get(b"k" * KEY_BYTES_MAX) == 1
    for width in (0, BIT_WIDTH_MAX + 1):
        with pytest.raises(NodeError, match=f"1 to {BIT_WIDTH_MAX}"):
            Hamt(store, bit_width=width)
    with pytest.raises(EncodeError, match=f"bound is {KEY_BYTES_MAX}"):
        Hamt(store).set(b"k" * (KEY_BYTES_MAX + 1), 1)
