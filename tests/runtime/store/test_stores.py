"""One suite for both stores: the RocksDB store and its twin in memory."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thespis.runtime.store import checks, memory
from thespis.runtime.store.errors import (
    StoreClosedError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreUsageError,
)
from thespis.runtime.store.interface import (
    BLOCKS,
    CHAIN_INDEX,
    FAMILIES,
    KEY_BYTES_MAX,
    METADATA,
    VALUE_BYTES_MAX,
    Delete,
    Put,
)
from thespis.runtime.store.memory import MemoryDisk
from thespis.runtime.store.rocks import OPEN_FILES_MAX, RocksReader, RocksStore

from tests.properties import FIXTURES, examples


class RocksPlace:
    def __init__(self, path):
        self.path = path / "store"

    def open(self):
        return RocksStore.open(self.path)

    def open_reader(self):
        return RocksReader.open(self.path)


class MemoryPlace:
    def __init__(self, _path):
        self.disk = MemoryDisk()

    def open(self):
        return self.disk.open("store")

    def open_reader(self):
        return self.disk.open_reader("store")


@pytest.fixture(params=[RocksPlace, MemoryPlace])
def place(request, tmp_path):
    return request.param(tmp_path)


@pytest.fixture
def store(place):
    opened = place.open()
    yield opened
    opened.close()


def test_put_get_delete_and_families_are_apart(store):
    store.write([Put(BLOCKS, b"k", b"block"), Put(METADATA, b"k", b"meta"), Put(BLOCKS, b"empty", b"")])
    assert store.get(BLOCKS, b"k") == b"block"
    assert store.get(METADATA, b"k") == b"meta"
    assert store.get(CHAIN_INDEX, b"k") is None
    assert store.get(BLOCKS, b"empty") == b""
    assert store.has(BLOCKS, b"empty")
    store.write([Delete(BLOCKS, b"k"), Delete(BLOCKS, b"never")])
    assert not store.has(BLOCKS, b"k")
    assert store.has(METADATA, b"k")


def test_later_changes_of_a_batch_win(store):
    store.write([Put(METADATA, b"k", b"1"), Delete(METADATA, b"k"), Put(METADATA, b"k", b"2")])
    assert store.get(METADATA, b"k") == b"2"


@pytest.mark.parametrize("prefix", [b"", b"a", b"ab", b"\xff", b"b\xff", b"zz"])
def test_scan(store, prefix):
    keys = [b"a", b"ab", b"abc", b"ac", b"b\xff", b"b\xff\xff", b"c", b"\xff", b"\xff\xff"]
    store.write([Put(METADATA, key, key[::-1]) for key in reversed(keys)])
    expected = [(key, key[::-1]) for key in sorted(keys) if key.startswith(prefix)]
    assert list(store.scan(METADATA, prefix)) == expected
    assert list(store.scan(METADATA, prefix, reverse=True)) == expected[::-1]
    assert list(store.scan(BLOCKS, prefix)) == []


def test_reopening_keeps_everything(place):
    store = place.open()
    store.write([Put(METADATA, b"durable", b"1")])
    store.write([Put(METADATA, b"lazy", b"2")], durable=False)
    store.close()
    store.close()
    again = place.open()
    assert again.get(METADATA, b"durable") == b"1"
    assert again.get(METADATA, b"lazy") == b"2"
    again.close()


def test_a_second_writer_is_refused_by_name(place, store):
    with pytest.raises(StoreLockedError, match="store"):
        place.open()
    store.close()
    place.open().close()


def test_readers_see_what_was_written_when_they_refresh(place, store):
    store.write([Put(METADATA, b"k", b"1")])
    reader = place.open_reader()
    assert reader.get(METADATA, b"k") == b"1"
    store.write([Put(METADATA, b"k", b"2"), Put(BLOCKS, b"b", b"3")])
    assert reader.get(METADATA, b"k") == b"1"
    reader.refresh()
    assert reader.get(METADATA, b"k") == b"2"
    assert list(reader.scan(BLOCKS)) == [(b"b", b"3")]
    reader.close()
    with pytest.raises(StoreClosedError):
        reader.get(METADATA, b"k")
    with pytest.raises(StoreClosedError):
        reader.refresh()


@pytest.mark.parametrize(
    "change",
    [Put("nope", b"k", b""), Put(BLOCKS, b"", b""), Put(BLOCKS, bytes(KEY_BYTES_MAX + 1), b""), Delete("x", b"k")],
)
def test_bounds_are_checked_before_anything_is_written(store, change):
    with pytest.raises(StoreUsageError):
        store.write([Put(BLOCKS, b"good", b"1"), change])
    assert not store.has(BLOCKS, b"good")


def test_a_closed_store_says_so(store):
    store.close()
    for use in (lambda: store.get(BLOCKS, b"k"), lambda: store.write([]), lambda: list(store.scan(BLOCKS))):
        with pytest.raises(StoreClosedError):
            use()


changes = st.lists(
    st.one_of(
        st.builds(Put, st.sampled_from(FAMILIES), st.binary(min_size=1, max_size=3), st.binary(max_size=4)),
        st.builds(Delete, st.sampled_from(FAMILIES), st.binary(min_size=1, max_size=3)),
    ),
    max_size=30,
)


@settings(max_examples=examples(30), suppress_health_check=FIXTURES)
@given(st.lists(changes, max_size=4))
def test_both_are_dictionaries(place, batches):
    store = place.open()
    store.write([Delete(family, key) for family in FAMILIES for key, _ in list(store.scan(family))])
    model = {family: {} for family in FAMILIES}
    for batch in batches:
        store.write(batch, durable=False)
        for change in batch:
            if isinstance(change, Put):
                model[change.family][change.key] = change.value
            else:
                model[change.family].pop(change.key, None)
        for family in FAMILIES:
            assert list(store.scan(family)) == sorted(model[family].items())
    store.close()


# -- the twin's crash semantics ------------------------------------------------------------------------------


def test_a_crash_loses_what_was_not_synced_and_nothing_else():
    disk = MemoryDisk()
    owner = object()
    store = disk.open("s", owner)
    store.write([Put(METADATA, b"a", b"1"), Put(METADATA, b"b", b"1")])
    store.write([Put(METADATA, b"a", b"2"), Delete(METADATA, b"b"), Put(METADATA, b"c", b"2")], durable=False)
    assert list(store.scan(METADATA)) == [(b"a", b"2"), (b"c", b"2")]
    disk.crash(owner)
    with pytest.raises(StoreClosedError):
        store.get(METADATA, b"a")
    again = disk.open("s")
    assert list(again.scan(METADATA)) == [(b"a", b"1"), (b"b", b"1")]
    again.write([Put(METADATA, b"a", b"3")], durable=False)
    again.write([Put(METADATA, b"d", b"3")])
    disk.crash()
    assert list(disk.open("s").scan(METADATA)) == [(b"a", b"3"), (b"b", b"1"), (b"d", b"3")]


def test_a_full_disk_applies_nothing():
    store = MemoryDisk(capacity_bytes=10).open("s")
    store.write([Put(METADATA, b"k", b"12345")])
    with pytest.raises(StoreFullError, match="free space"):
        store.write([Put(METADATA, b"x", b"1"), Put(METADATA, b"y", b"123456")])
    assert list(store.scan(METADATA)) == [(b"k", b"12345")]


# -- RocksDB alone -------------------------------------------------------------------------------------------


def test_a_reader_needs_a_store(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        RocksReader.open(tmp_path / "nothing")


@pytest.mark.parametrize("victim", ["CURRENT", "MANIFEST"])
def test_corruption_is_named(tmp_path, victim):
    store = RocksStore.open(tmp_path / "s")
    store.write([Put(METADATA, b"k", b"v" * 1000)])
    store.close()
    for path in (tmp_path / "s").iterdir():
        if path.name.startswith(victim):
            path.write_bytes(b"garbage that is no manifest\n")
    with pytest.raises(StoreCorruptError, match="restore it from a snapshot"):
        RocksStore.open(tmp_path / "s")


@pytest.mark.slow
def test_a_real_full_disk_is_named_and_what_was_written_stays(tmp_path):
    """The kernel's limit on file size stands for a full disk: the write-ahead log cannot grow."""
    script = """
import resource, signal, sys
from pathlib import Path
from thespis.runtime.store.rocks import RocksStore
from thespis.runtime.store.interface import METADATA, Put
from thespis.runtime.store.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = RocksStore.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
written = 0
try:
    for number in range(1000):
        store.write([Put(METADATA, b"%06d" % number, bytes(1000))])
        written += 1
except StoreError as error:
    print(written, type(error).__name__, flush=True)
import os
os._exit(0)
"""
    path = tmp_path / "s"
    ran = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    written, error = ran.stdout.split()
    assert 0 < int(written) < 1000
    assert error == "StoreFullError"
    store = RocksStore.open(path)
    for number in range(int(written)):
        assert store.get(METADATA, b"%06d" % number) == bytes(1000)
    store.close()


WRITER = """
import sys
from pathlib import Path
from thespis.runtime.store.rocks import RocksStore
from thespis.runtime.store.interface import BLOCKS, METADATA, Put
store = RocksStore.open(Path(sys.argv[1]))
number = int(store.get(METADATA, b"count") or b"0")
while True:
    number += 1
    text = b"%d" % number
    store.write([Put(METADATA, b"count", text), Put(BLOCKS, b"block" + text, text * 50)])
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.slow
def test_kill_in_the_middle_of_writes_two_hundred_times(tmp_path):
    """Every cycle opens, and has every write that was acknowledged before the kill, whole."""
    import random

    rng = random.Random(11)
    acknowledged = 0
    path = tmp_path / "store"
    for cycle in range(200):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        first = int(process.stdout.readline())
        assert first > acknowledged, f"cycle {cycle}: acknowledged writes are gone"
        acknowledged = first
        for _ in range(rng.randint(0, 30)):
            acknowledged = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split("\n")
        process.wait()
        process.stdout.close()
        # lines that were complete before the kill were acknowledged too
        for line in rest[:-1]:
            acknowledged = int(line)
        if cycle % 20 == 19 or cycle < 5:
            store = RocksStore.open(path)
            count = int(store.get(METADATA, b"count"))
            assert count >= acknowledged
            for number in range(1, count + 1):
                text = b"%d" % number
                assert store.get(BLOCKS, b"block" + text) == text * 50
            assert store.get(BLOCKS, b"block%d" % (count + 1)) is None
            store.close()


def test_a_value_has_a_bounded_number_of_bytes(store, monkeypatch):
    assert VALUE_BYTES_MAX == 64 << 20
    monkeypatch.setattr(checks, "VALUE_BYTES_MAX", 10)
    store.write([Put(BLOCKS, b"largest", bytes(10))])
    with pytest.raises(StoreUsageError, match="11 bytes; the bound is 10"):
        store.write([Put(BLOCKS, b"good", b"1"), Put(BLOCKS, b"larger", bytes(11))])
    assert store.get(BLOCKS, b"largest") == bytes(10)
    assert not store.has(BLOCKS, b"good")
    store.write([Put(BLOCKS, b"k" * KEY_BYTES_MAX, b"")])
    assert store.has(BLOCKS, b"k" * KEY_BYTES_MAX)


@pytest.mark.parametrize("missed", [2, 3, 4, 9])
def test_a_reader_that_missed_more_than_the_journal_holds_copies_everything(monkeypatch, missed):
    assert memory.JOURNAL_ENTRIES_MAX == 100_000
    monkeypatch.setattr(memory, "JOURNAL_ENTRIES_MAX", 3)
    place = MemoryPlace(None)
    store, reader = place.open(), place.open_reader()
    copies = []
    original = memory._Volume.copy
    monkeypatch.setattr(memory._Volume, "copy", lambda self, live: (copies.append(1), original(self, live)))
    for number in range(missed):
        store.write([Put(BLOCKS, b"%d" % number, b"value")])
    reader.refresh()
    assert sorted(key for key, _ in reader.scan(BLOCKS)) == [b"%d" % number for number in range(missed)]
    assert len(copies) == (missed > 3)


def test_a_store_keeps_a_bounded_number_of_files_open(tmp_path):
    RocksStore.open(tmp_path / "store").close()
    [options] = list((tmp_path / "store").glob("OPTIONS-*"))[-1:]
    assert f"max_open_files={OPEN_FILES_MAX}" in options.read_text()


def test_a_reader_of_a_running_node_leaves_nothing_in_the_temporary_folder(tmp_path, monkeypatch):
    """Its scratch folder stands where a node's start sweeps: a killed process cannot remove it."""
    import tempfile

    temporary, run = tmp_path / "tmp", tmp_path / "run"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    RocksStore.open(tmp_path / "s").close()
    reader = RocksReader.open(tmp_path / "s", run)
    assert list(temporary.iterdir()) == []
    assert len(list(run.iterdir())) == 1
    assert run.stat().st_mode & 0o077 == 0
    reader.close()
    assert list(run.iterdir()) == []
