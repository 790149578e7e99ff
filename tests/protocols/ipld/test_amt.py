import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import EncodeError, NodeError, ProtocolError
from thespis.protocols.ipld.amt import BIT_WIDTH_MAX, Amt, AmtVersion
from thespis.protocols.ipld.blockstore import MemoryBlockstore

from tests.properties import examples
from tests.vectors import load


def _entries(case):
    entries = case["entries"]
    if isinstance(entries, list):
        return [(int(entry["index"]), bytes.fromhex(entry["bytes_hex"])) for entry in entries]
    start, end = entries["range"]
    value = bytes.fromhex(entries["bytes_hex"])
    keep = (lambda i: (i + 1) % 3 == 0) if "filter" in entries else (lambda i: True)
    return [(index, value) for index in range(start, end) if keep(index)]


def test_vectors():
    for case in load("amt_v3_and_v0.json")["cases"]:
        version = AmtVersion.V0 if case["root_version"] == "v0" else AmtVersion.V3
        store = MemoryBlockstore()
        amt = Amt(store, bit_width=case["bit_width"], version=version)
        entries = _entries(case)
        for index, value in reversed(entries):
            amt.set(index, value)
        root = amt.flush()
        assert str(root) == case["cid"], case["test"]
        again = Amt(store, root, bit_width=case["bit_width"], version=version)
        assert list(again.items()) == sorted(entries)
        assert len(again) == len(entries)


def test_histories_that_the_vectors_describe():
    def root(steps):
        store = MemoryBlockstore()
        amt = Amt(store)
        for index, value in steps:
            if value is None:
                assert amt.delete(index)
            else:
                amt.set(index, value)
            amt = Amt(store, amt.flush())
        return amt.flush()

    assert root([(100000, b"x"), (100000, None)]) == Amt(MemoryBlockstore()).flush()
    assert root([(1, b"thing"), (37, b"other"), (37, None)]) == root([(1, b"thing")])
    cats = [(index, b"cat") for index in range(4)]
    gone = [(index, None) for index in (1, 0, 2, 3)]
    assert root([*cats, *gone, (23, b"dog"), (24, b"dog"), (23, None)]) == root([(24, b"dog")])


def test_bounds():
    amt = Amt(MemoryBlockstore())
    amt.set(2**64 - 2, b"last")
    assert amt.get(2**64 - 2) == b"last"
    with pytest.raises(EncodeError):
        amt.set(2**64 - 1, b"")
    old = Amt(MemoryBlockstore(), version=AmtVersion.V0)
    old.set(2**63 - 1, b"last")
    assert old.get(2**63 - 1) == b"last"
    with pytest.raises(EncodeError):
        old.set(2**63, b"")
    with pytest.raises(EncodeError):
        amt.get(-1)


def test_writes_only_what_changed():
    store = MemoryBlockstore()
    amt = Amt(store)
    for index in range(4096):
        amt.append(index)
    amt.flush()
    before = len(store)
    assert not amt.set(9, 9)
    amt.flush()
    assert len(store) == before
    amt.set(9, 10)
    amt.flush()
    assert len(store) - before == 4


def test_iteration_can_start_anywhere():
    amt = Amt(MemoryBlockstore())
    for index in (3, 70, 71, 600):
        amt.set(index, index)
    assert [index for index, _ in amt.items(70)] == [70, 71, 600]
    assert [index for index, _ in amt.items(72)] == [600]


@pytest.mark.parametrize(
    "root",
    [
        [],
        [3, 0, 0],
        [4, 0, 0, [b"\0\0", [], []]],
        [3, 0, 1, [b"\1", [], []]],
        [3, 0, 1, [b"\1\0", [], [1]]],
        [3, 0, 1, [b"\1", [1], []]],
        [3, 1, 1, [b"\1", [], [1]]],
        [3, 1, 0, [b"\0", [], []]],
        [3, 99, 1, [b"\1", [], [1]]],
        [3, -1, 1, [b"\1", [], [1]]],
        [3, True, 1, [b"\1", [], [1]]],
    ],
)
def test_bad_roots(root):
    store = MemoryBlockstore()
    block = cbor.encode(root)
    store.put(Cid.of(block), block)
    with pytest.raises(NodeError):
        Amt(store, Cid.of(block))


@settings(max_examples=examples(150))
@given(st.data())
def test_mutated_nodes_raise_typed_errors_only(data):
    source = MemoryBlockstore()
    amt = Amt(source)
    for index in range(0, 200, 3):
        amt.set(index, index)
    root = amt.flush()
    mutated = MemoryBlockstore()
    for cid, block in source:
        changed = bytearray(block)
        if data.draw(st.booleans()):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        mutated.put(cid, bytes(changed))
    try:
        list(Amt(mutated, root).items())
    except ProtocolError:
        pass


class AmtMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.store = MemoryBlockstore()
        self.amt = Amt(self.store, bit_width=2)
        self.model = {}

    indices = st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 2))

    @rule(index=indices, value=st.integers(0, 3))
    def set(self, index, value):
        assert self.amt.set(index, value) == (self.model.get(index) != value)
        self.model[index] = value

    @rule(index=indices)
    def delete(self, index):
        assert self.amt.delete(index) == (index in self.model)
        self.model.pop(index, None)

    @rule()
    def reload(self):
        self.amt = Amt(self.store, self.amt.flush(), bit_width=2)

    @invariant()
    def same_entries_and_canonical_root(self):
        assert dict(self.amt.items()) == self.model
        assert len(self.amt) == len(self.model)
        fresh = Amt(MemoryBlockstore(), bit_width=2)
        for index in sorted(self.model, reverse=True):
            fresh.set(index, self.model[index])
        assert fresh.flush() == self.amt.flush()


AmtMachine.TestCase.settings = settings(max_examples=examples(30), stateful_step_count=40)
TestAmtMachine = AmtMachine.TestCase


def test_widths_have_bounds():
    store = MemoryBlockstore()
    for width in (1, BIT_WIDTH_MAX):
        amt = Amt(store, bit_width=width)
        amt.set((1 << width) + 1, b"x")
        assert Amt(store, amt.flush(), bit_width=width).get((1 << width) + 1) == b"x"
    for width in (0, BIT_WIDTH_MAX + 1):
        with pytest.raises(NodeError, match=f"1 to {BIT_WIDTH_MAX}"):
            Amt(store, bit_width=width)
