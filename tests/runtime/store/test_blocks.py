import pytest
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.errors import BlockNotFoundError
from thespis.protocols.ipld.blockstore import save
from thespis.protocols.ipld.hamt import Hamt
from thespis.runtime.store.blocks import StoreBlockstore
from thespis.runtime.store.errors import StoreCorruptError, StoreError
from thespis.runtime.store.interface import BLOCKS, METADATA, Put
from thespis.runtime.store.rocks import RocksReader, RocksStore


def test_blocks_become_durable_with_their_batch(tmp_path):
    store = RocksStore.open(tmp_path / "s")
    blocks = StoreBlockstore(store)
    hamt = Hamt(blocks)
    for index in range(500):
        hamt.set(b"%d" % index, index)
    root = hamt.flush()
    assert not store.has(BLOCKS, root.data)
    blocks.commit([Put(METADATA, b"root", root.data)])
    dropped = save(blocks, ["never mind"])
    blocks.discard()
    assert not blocks.has(dropped)
    reader = RocksReader.open(tmp_path / "s")
    again = StoreBlockstore(reader)
    assert Hamt(again, Cid.parse(reader.get(METADATA, b"root"))).get(b"77") == 77
    with pytest.raises(BlockNotFoundError, match="fetch it"):
        again.get(dropped)
    save(again, 1)
    with pytest.raises(StoreError, match="one writer"):
        again.commit()
    reader.close()
    store.close()


def test_a_damaged_block_is_never_served(tmp_path):
    store = RocksStore.open(tmp_path / "s")
    blocks = StoreBlockstore(store)
    cid = save(blocks, "text")
    blocks.commit()
    store.write([Put(BLOCKS, cid.data, b"\x64texu")])
    with pytest.raises(StoreCorruptError, match="damaged on disk"):
        blocks.get(cid)
    store.close()
