"""Genesis: the same template, the same file; what it starts; what is refused."""

import dataclasses
import io

import pytest
from thespis.protocols.builtin.codes import POWER, REWARD
from thespis.protocols.builtin.power.v2.state import PowerStateV2
from thespis.protocols.encoding.car import CarReader, write_car
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.errors import BlockBeaconError, CarError, GenesisError
from thespis.protocols.ipld.blockstore import MemoryBlockstore
from thespis.protocols.networks import genesis as genesis_module
from thespis.protocols.networks.devnet import SEAL_PROOF_MAX, SeededBeacon
from thespis.protocols.networks.genesis import (
    GenesisAccount,
    GenesisMiner,
    build_genesis,
    load_genesis,
    read_genesis,
    write_genesis,
)
from thespis.protocols.networks.mainnet_2020 import MAINNET_2020, network_version
from thespis.protocols.vm.state_tree import StateTree

from tests.actors.chain.builder import BALANCE, USERS, WORKERS, genesis_car, template
from tests.vectors import path


@pytest.mark.behaviour(183)
def test_fifty_builds_are_one():
    assert len({genesis_car() for _ in range(50)}) == 1
    assert genesis_car(miners=2) != genesis_car(miners=3)


def test_a_car_carries_chain_and_profile():
    genesis, store = read_genesis(genesis_car())
    assert genesis.profile.name == "testnet"
    assert genesis.profile.block_delay_s == 1
    assert genesis.profile.policy.seal_proofs == {0}
    state = StateTree(store, genesis.header.parent_state_root)
    assert state.get(USERS[0]).balance == BALANCE
    assert state.get(REWARD).balance == 1_100_000_000 * 10**18
    power = PowerStateV2.decode(store.get(state.get(POWER).head))
    assert power.miner_count == 3
    assert power.total_power() == (3 * 2048, 3 * 2048)


def test_another_profile_is_another_genesis():
    store = MemoryBlockstore()
    first = build_genesis(store, template())
    other = template()
    parameters = dataclasses.replace(other.parameters, block_delay_s=Unsigned(9))
    assert build_genesis(store, dataclasses.replace(other, parameters=parameters)).cid != first.cid


def test_a_car_without_its_profile_is_refused():
    genesis, store = read_genesis(genesis_car())
    stream = io.BytesIO()
    write_car(stream, [genesis.cid], [(genesis.cid, store.get(genesis.cid))])
    with pytest.raises(GenesisError, match="nor has a profile"):
        read_genesis(stream.getvalue())


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"miners": ()}, "no miner"),
        ({"miners": (GenesisMiner(USERS[0], 1),)}, "no BLS account"),
        ({"miners": (GenesisMiner(WORKERS[0], 0),)}, "at least one"),
        ({"accounts": (GenesisAccount(WORKERS[0], 1), GenesisAccount(WORKERS[0], 1))}, "twice"),
        ({"accounts": (GenesisAccount(WORKERS[0], 10**28),), "miners": (GenesisMiner(WORKERS[0], 1),)}, "more FIL"),
    ],
)
def test_templates_that_start_nothing_are_refused(change, match):
    with pytest.raises(GenesisError, match=match):
        build_genesis(MemoryBlockstore(), template(**change))


@pytest.mark.parametrize(
    ("field", "value", "match"), [("proofs", "magic", "proofs"), ("block_delay_s", 0, "at least 1 s")]
)
def test_parameters_without_rules_are_refused(field, value, match):
    found = template()
    parameters = dataclasses.replace(found.parameters, **{field: value})
    with pytest.raises(GenesisError, match=match):
        build_genesis(MemoryBlockstore(), dataclasses.replace(found, parameters=parameters))


def test_garbage_is_no_genesis():
    with pytest.raises(CarError):
        read_genesis(b"garbage")
    with pytest.raises(CarError):
        read_genesis(b"")


def test_mainnets_own_genesis_is_known():
    with (path("mainnet") / "genesis.car").open("rb") as stream:
        reader = CarReader(stream)
        store = MemoryBlockstore()
        for cid, block in reader:
            store.put(cid, block)
    assert load_genesis(store, reader.roots[0]).profile is MAINNET_2020


def test_mainnets_upgrades():
    assert [network_version(height) for height in (0, 41_280, 41_281, 51_001, 94_001, 138_721, 140_761)] == [
        0, 0, 1, 2, 3, 4, 5,
    ]  # fmt: skip
    assert MAINNET_2020.lookback(100) == 10
    assert MAINNET_2020.lookback(200_000) == 900


def test_the_devnet_beacon_checks_itself():
    beacon = SeededBeacon(b"s" * 32)
    beacon.check(beacon.entry(1), beacon.entry(2))
    with pytest.raises(BlockBeaconError):
        beacon.check(beacon.entry(1), dataclasses.replace(beacon.entry(2), round=3))


def test_writing_what_was_read_is_the_same_file():
    genesis, store = read_genesis(genesis_car())
    stream = io.BytesIO()
    write_genesis(stream, store, genesis)
    assert stream.getvalue() == genesis_car()


def test_a_genesis_has_a_bounded_number_of_blocks(monkeypatch):
    assert genesis_module.GENESIS_BLOCKS_MAX == 1_000_000
    car = genesis_car()
    count = len(read_genesis(car)[1])
    monkeypatch.setattr(genesis_module, "GENESIS_BLOCKS_MAX", count)
    read_genesis(car)
    monkeypatch.setattr(genesis_module, "GENESIS_BLOCKS_MAX", count - 1)
    with pytest.raises(GenesisError, match=f"more than {count - 1} blocks"):
        read_genesis(car)


def test_a_local_networks_sectors_have_a_largest_size():
    parameters = dataclasses.replace(template().parameters, seal_proof=Unsigned(SEAL_PROOF_MAX))
    assert parameters.profile().policy.seal_proofs == {SEAL_PROOF_MAX}
    with pytest.raises(GenesisError, match="0 to 2"):
        dataclasses.replace(parameters, seal_proof=Unsigned(SEAL_PROOF_MAX + 1)).profile()
