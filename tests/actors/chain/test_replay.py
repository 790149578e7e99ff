"""Chains out of files: mainnet from its genesis, and what a file may lack."""

import dataclasses
import io

import pytest
from click.testing import CliRunner
from thespis.actors.chain.replay import Replay, first_difference
from thespis.actors.chain.writer import ChainWriter
from thespis.deploy.cli.main import cli
from thespis.protocols.builtin.codes import INIT
from thespis.protocols.builtin.init.state import InitState
from thespis.protocols.encoding.car import CarReader, write_car
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.errors import BlockStateRootError, ChainError
from thespis.protocols.ipld.blockstore import Overlay, save
from thespis.protocols.vm.state_tree import StateTree
from thespis.runtime.store.memory import MemoryDisk

from tests.actors.chain.builder import genesis_car
from tests.vectors import path


def mainnet(writer=ChainWriter, chain=None):
    folder = path("mainnet")
    data = chain or (folder / "first-40-epochs.car").read_bytes()
    return Replay(writer(MemoryDisk().open("chain")), (folder / "genesis.car").read_bytes(), io.BytesIO(data))


def test_mainnets_first_40_epochs_give_the_roots_that_its_headers_say():
    replay = mainnet()
    messages = 0
    for tipset in replay.tipsets:
        replay.validate(tipset)
        messages += replay.execute(tipset)[1]
    assert (len(replay.tipsets), replay.tipsets[-1].height) == (32, 39)
    assert messages > 200


class Wrong(ChainWriter):
    """Executes otherwise than mainnet from height 5 on: nobody's work is paid."""

    def _run(self, tipset):
        executed, written = super()._run(tipset)
        if tipset.height < 5:
            return executed, written
        return dataclasses.replace(executed, state_root=tipset.blocks[0].parent_state_root), written


def test_a_state_that_differs_is_found_at_the_next_header():
    replay = mainnet(Wrong)
    with pytest.raises(BlockStateRootError):
        for tipset in replay.tipsets:
            replay.validate(tipset)
            replay.execute(tipset)
    assert tipset.height == 6
    assert "does not have the state" in replay.difference(tipset)


def test_the_first_difference_of_two_states_is_named():
    replay = mainnet()
    root = replay.genesis.header.parent_state_root
    ours, theirs = (StateTree(Overlay(replay.writer.blocks), root) for _ in range(2))
    assert first_difference(ours, theirs) == "the states have the same actors"
    address, actor = min(ours.actors(), key=lambda entry: entry[0].actor_id)
    theirs.change(address, balance=TokenAmount(actor.balance + 7))
    theirs.flush()
    assert first_difference(ours, theirs) == f"actor {address}: balance 0; the given state has 7"
    theirs.change(address, balance=actor.balance)
    entry = theirs.get(INIT)
    init = InitState.decode(theirs.store.get(entry.head))
    theirs.change(INIT, head=save(theirs.store, dataclasses.replace(init, next_id=Unsigned(7)).to_wire()))
    theirs.flush()
    named = f"actor {INIT} (init): next_id {init.next_id}; the given state has 7"
    assert first_difference(ours, theirs) == named
    theirs.change(INIT, head=entry.head)
    theirs.delete(address)
    theirs.flush()
    assert first_difference(ours, theirs) == f"actor {address} is only in our state"


def test_files_that_do_not_fit_say_so():
    with pytest.raises(ChainError, match="the genesis given is"):
        chain = (path("mainnet") / "first-40-epochs.car").read_bytes()
        Replay(ChainWriter(MemoryDisk().open("chain")), genesis_car(), io.BytesIO(chain))
    reader = CarReader((path("mainnet") / "first-40-epochs.car").open("rb"))
    blocks = dict(reader)
    hole = mainnet().tipsets[10].key[0]
    cut = io.BytesIO()
    write_car(cut, reader.roots, [(cid, block) for cid, block in blocks.items() if cid != hole])
    with pytest.raises(ChainError, match="does not reach the genesis"):
        mainnet(chain=cut.getvalue())


def test_the_command_replays_mainnet():
    chain, genesis = (str(path("mainnet") / name) for name in ("first-40-epochs.car", "genesis.car"))
    done = CliRunner().invoke(cli, ["replay", chain, "--genesis", genesis])
    assert done.exit_code == 0, done.output
    assert "every header agrees" in done.output
    alone = CliRunner().invoke(cli, ["replay", genesis, "--genesis", genesis])
    assert alone.exit_code == 0, "a chain of genesis alone"
