"""The state tree's memory of ids and entries against a tree that remembers nothing."""

import tracemalloc

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from thespis.protocols.builtin.codes import INIT, code_of
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.ipld.blockstore import MemoryBlockstore, load, save
from thespis.protocols.ipld.hamt import Hamt, HamtVersion
from thespis.protocols.vm import known_ids, state_tree
from thespis.protocols.vm.state_tree import Actor, StateTree, save_versioned

from tests.properties import examples

KEYS = [Address.secp256k1(b"%d" % number) for number in range(6)] + [Address.actor(b"robust")]
IDS = [Address.id(100 + number) for number in range(8)]
ACCOUNT = code_of("account", 2)


class Forgetful(StateTree):
    """Walks the init actor's map and the actors' each time, as the rule says."""

    def resolve(self, address):
        if address in IDS or address == INIT:
            return address
        return InitState.from_wire(load(self.store, self.get(INIT).head)).resolve(self.store, address)

    def get(self, address):
        self._read.clear()
        return super().get(address)


def beginning(tree_class):
    """A tree with an init actor that knows one key."""
    store = MemoryBlockstore()
    addresses = Hamt(store, version=HamtVersion.V0)
    addresses.set(KEYS[0].data, 100)
    init = save(store, InitState(addresses.flush(), 101, "test").to_wire())
    actors = Hamt(store, version=HamtVersion.V0)
    actors.set(INIT.data, Actor(code_of("init", 2), init, 0, 0).to_wire())
    actors.set(IDS[0].data, Actor(ACCOUNT, init, 0, 5).to_wire())
    return tree_class(store, actors.flush())


class Twins(RuleBasedStateMachine):
    """The same random changes to both; they never differ."""

    def __init__(self):
        super().__init__()
        self.trees = [beginning(StateTree), beginning(Forgetful)]
        self.depth = 0
        self.heads = [self.trees[0].get(INIT).head]

    def both(self, act):
        ours, plain = (act(tree) for tree in self.trees)
        assert ours == plain
        return ours

    @rule(key=st.sampled_from(KEYS))
    def register(self, key):
        """Also of a key that has an id: the map then gives the newer one."""
        self.both(lambda tree: tree.register(key))
        self.heads.append(self.trees[0].get(INIT).head)

    @rule(choice=st.integers(0, 20))
    def init_actor_becomes_another(self, choice):
        """As its constructor, Exec or an upgrade do: the head changes beside the tree."""
        self.both(lambda tree: tree.change(INIT, head=self.heads[choice % len(self.heads)]))

    @rule(where=st.sampled_from(IDS), balance=st.integers(0, 9))
    def put(self, where, balance):
        self.both(lambda tree: tree.set(where, Actor(ACCOUNT, self.heads[0], 0, balance)))

    @rule(key=st.sampled_from(KEYS))
    def spend_by_key(self, key):
        if self.both(lambda tree: tree.get(key)) is not None:
            self.both(lambda tree: tree.change(key, nonce=tree.get(key).nonce + 1))

    @rule(where=st.sampled_from(IDS))
    def delete(self, where):
        if self.both(lambda tree: tree.get(where)) is not None:
            self.both(lambda tree: tree.delete(where))

    @rule(key=st.sampled_from(KEYS))
    def resolve(self, key):
        self.both(lambda tree: tree.resolve(key))

    @precondition(lambda self: self.depth < 5)
    @rule()
    def snapshot(self):
        self.depth += 1
        self.both(lambda tree: tree.snapshot())

    @precondition(lambda self: self.depth)
    @rule(keep=st.booleans())
    def end(self, keep):
        self.depth -= 1
        self.both(lambda tree: tree.commit() if keep else tree.revert())

    @precondition(lambda self: not self.depth)
    @rule()
    def flush(self):
        self.both(lambda tree: tree.flush())
        self.both(lambda tree: list(tree.actors()))

    @invariant()
    def entries_are_equal(self):
        self.both(lambda tree: [tree.get(where) for where in IDS])

    def teardown(self):
        for _ in range(self.depth):
            self.both(lambda tree: tree.revert())
        self.both(lambda tree: [tree.resolve(key) for key in KEYS])
        self.both(lambda tree: tree.flush())


TestTwins = Twins.TestCase
TestTwins.settings = settings(max_examples=examples(150), stateful_step_count=40)


def test_a_reverted_registration_is_forgotten():
    """By the memory too, and what was known before it still is."""
    tree = beginning(StateTree)
    assert tree.resolve(KEYS[0]) == IDS[0]
    tree.snapshot()
    assert tree.register(KEYS[1]) == tree.resolve(KEYS[1]) == IDS[1]
    tree.revert()
    assert tree.resolve(KEYS[1]) is None
    reads = []
    tree.store.get = reads.append  # nothing is there to be read: who read would fail
    assert tree.resolve(KEYS[0]) == IDS[0]
    assert not reads


def test_what_another_init_actor_says_does_not_survive_a_revert():
    """Within what is undone the init actor became another, whose map gives the key another id."""
    tree = beginning(StateTree)
    first = tree.get(INIT).head
    tree.snapshot()
    assert tree.register(KEYS[0]) == IDS[1]
    other = tree.get(INIT).head
    tree.revert()
    tree.snapshot()
    tree.register(KEYS[2])
    tree.change(INIT, head=other)
    assert tree.resolve(KEYS[0]) == IDS[1]
    tree.revert()
    assert tree.get(INIT).head == first
    assert tree.resolve(KEYS[0]) == IDS[0]


def test_resolving_again_reads_nothing():
    tree = beginning(StateTree)
    tree.get(KEYS[0])
    tree.store.get = None
    assert tree.get(KEYS[0]).balance == 5


def test_ids_and_entries_stay_within_their_bounds(monkeypatch):
    """Three ids and four entries may be remembered; all eight are still found."""
    monkeypatch.setattr(known_ids, "IDS_REMEMBERED_BYTES", 3 * known_ids._ID_BYTES)
    monkeypatch.setattr(state_tree, "ENTRIES_REMEMBERED_BYTES", 4 * state_tree._ENTRY_BYTES)
    tree = beginning(StateTree)
    for number in range(8):
        key = Address.actor(b"%d" % number)
        registered = tree.register(key)
        tree.set(registered, Actor(ACCOUNT, tree.get(INIT).head, 0, number))
        assert tree.resolve(key) == registered
        assert tree.resolve(KEYS[0]) == IDS[0]
        assert all(tree.resolve(Address.actor(b"%d" % earlier)) for earlier in range(number + 1))
    tree.flush()
    for number in range(8):
        assert tree.get(Address.actor(b"%d" % number)).balance == number
        assert len(tree._ids._ids) <= 3
        assert len(tree._read) <= 4


def test_what_is_remembered_takes_no_more_than_is_counted():
    """The bytes that one id and one entry are counted as cover them."""
    store = MemoryBlockstore()
    addresses, actors = Hamt(store, version=HamtVersion.V0), Hamt(store, version=HamtVersion.V0)
    keys = [Address.bls(b"\x80" + number.to_bytes(47, "big")) for number in range(3_000)]
    for number, key in enumerate(keys):
        addresses.set(key.data, 1_000_000 + number)
        wire = Actor(ACCOUNT, Cid.of(b"%d" % number), number, 10**27 + number).to_wire()
        actors.set(Address.id(1_000_000 + number).data, wire)
    init = save(store, InitState(addresses.flush(), 101, "test").to_wire())
    actors.set(INIT.data, Actor(code_of("init", 2), init, 0, 0).to_wire())
    tree = StateTree(store, actors.flush())
    list(tree.actors())  # the nodes are loaded, and what is measured is the memory on top of them
    tracemalloc.start()
    try:
        found = [tree._init_head()]
        tree._ids.resolve(found[0], keys[0])
        list(tree._ids._map.items())
        before, _ = tracemalloc.get_traced_memory()
        for key in keys:
            tree.resolve(key)
        ids, _ = tracemalloc.get_traced_memory()
        for key in keys:
            tree.get(key)
        entries, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ids - before <= len(keys) * known_ids._ID_BYTES
    assert entries - ids <= len(keys) * state_tree._ENTRY_BYTES


def bucket_of_three(versioned):
    """The keys of a bucket of three, in their order, after a fourth actor of its slots was deleted."""
    store = MemoryBlockstore()
    root = Hamt(store, version=HamtVersion.V0).flush()
    tree = StateTree(store, save_versioned(store, root) if versioned else root)
    for number in (118, 120, 150, 174):
        tree.set(Address.id(number), Actor(ACCOUNT, root, 0, 0))
    tree = StateTree(store, tree.flush())
    tree.delete(Address.id(118))
    flushed = tree.flush()
    assert flushed == StateTree(store, flushed).flush(), "what is read keeps its order"
    [_, [pointer]] = load(store, load(store, flushed)[1] if versioned else flushed)
    return [key.hex() for key, _ in pointer["1"]]


def test_a_deletion_leaves_a_bucket_in_the_order_of_the_library_of_its_time():
    """Up to network version 3 the entries stand as in the node that was, from 4 on by key.

    The first is what go-hamt-ipld v0.1.5 gave for these keys.
    """
    assert bucket_of_three(versioned=False) == ["00ae01", "0078", "009601"]
    assert bucket_of_three(versioned=True) == ["0078", "009601", "00ae01"]
