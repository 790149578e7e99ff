"""What the machine checks for on-chain actors, and what that costs."""

import dataclasses
from types import SimpleNamespace

import pytest
from thespis.protocols.chain.block import BlockHeader
from thespis.protocols.consensus.faults import ConsensusFault
from thespis.protocols.consensus.randomness import Purpose
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.ipld.blockstore import save
from thespis.protocols.vm.exit_codes import StateFault
from thespis.protocols.vm.gas import PRICES_V0, GasMeter, PriceList
from thespis.protocols.vm.machine import Machine
from thespis.protocols.vm.runtime import EMPTY_OBJECT
from thespis.protocols.vm.state_tree import Actor, StateRoot, StateTree
from thespis.protocols.vm.syscalls import Syscalls, key_address
from thespis.protocols.vm.world import WindowPostInfo

from tests.actors.chain.builder import WORKER_KEYS, WORKERS
from tests.protocols.vm.test_machine import ALICE, world
from tests.vectors import load

WORLD = SimpleNamespace(worker_at=lambda _miner, _height: WORKERS[0], window_post_is_valid=lambda _info: True)


def machine(**changes):
    found = Machine(world(), 0, 100, 10, world=SimpleNamespace(**(vars(WORLD) | changes)))
    found.meter = GasMeter(10**10)
    return found


def signed(header, key=WORKER_KEYS[0]):
    return dataclasses.replace(header, block_sig=sign(SignatureType.BLS, key, header.signing_bytes()))


@pytest.fixture(scope="module")
def header():
    block = load("mainnet_first_tipsets.json")["cases"][3]["blocks"][0]
    return BlockHeader.decode(bytes.fromhex(block["header_cbor_hex"]))


def test_two_headers_of_one_miner_and_height_are_a_fault_when_it_signed_both(header):
    syscalls = Syscalls(machine())
    one, two = signed(header), signed(dataclasses.replace(header, timestamp=header.timestamp + 1))
    found = syscalls.verify_consensus_fault(one.encode(), two.encode(), b"")
    assert (found.target, found.epoch, found.kind) == (
        header.miner, header.height, int(ConsensusFault.DOUBLE_FORK_MINING),
    )  # fmt: skip
    assert syscalls._machine.meter.used == PRICES_V0.consensus_fault
    foreign = signed(two, WORKER_KEYS[1])
    unsigned = dataclasses.replace(two, block_sig=None)
    for first, second in ((one, foreign), (signed(one, WORKER_KEYS[1]), two), (one, unsigned)):
        with pytest.raises(StateFault):
            syscalls.verify_consensus_fault(first.encode(), second.encode(), b"")
    with pytest.raises(StateFault, match="show no fault"):
        syscalls.verify_consensus_fault(one.encode(), one.encode(), b"")
    with pytest.raises(StateFault, match="block header"):
        syscalls.verify_consensus_fault(one.encode(), b"\xff", b"")
    with pytest.raises(StateFault, match="block header"):
        syscalls.verify_consensus_fault(one.encode(), two.encode(), b"\xff")


def test_only_accounts_have_keys():
    found = machine()
    assert key_address(found, ALICE) == ALICE
    assert key_address(found, Address.id(100)) == ALICE
    for address in (Address.id(77_777), Address.id(1)):
        with pytest.raises(StateFault):
            key_address(found, address)


def test_a_window_proof_that_does_not_hold_is_a_fault_and_costs_as_much():
    info = WindowPostInfo(bytes(32), (), (), 1000)
    used = []
    for holds in (True, False):
        found = machine(window_post_is_valid=lambda _info, holds=holds: holds)
        if holds:
            Syscalls(found).verify_post(info)
        else:
            with pytest.raises(StateFault, match="not valid"):
                Syscalls(found).verify_post(info)
        used.append(found.meter.used)
    assert used == [used[0]] * 2
    assert used[0] > 0


def test_prices_are_those_of_the_networks_first_list():
    """Lotus chain/vm/gas.go, prices[0]: pricelistV0."""
    assert PriceList() == PRICES_V0
    assert dataclasses.asdict(PRICES_V0) == {
        "storage_multiplier": 1000, "message_compute": 38863, "message_storage": 36, "message_storage_per_byte": 1,
        "return_value_per_byte": 1, "send_base": 29233, "send_transfer_funds": 27500,
        "send_transfer_only_premium": 159672, "send_invoke_method": -5377, "ipld_get": 75242, "ipld_put": 84070,
        "ipld_put_per_byte": 1, "create_actor_compute": 1108454, "create_actor_storage": 76, "verify_bls": 16598605,
        "verify_secp256k1": 1637292, "hashing": 31355, "unsealed_sector_cid": 98647,
        "verify_post_small": (123861062, 9226981), "verify_post_large": (748593537, 85639),
        "consensus_fault": 495422,
    }  # fmt: skip


def test_randomness_is_told_apart_by_the_networks_tags():
    """Filecoin's domain separation tags: go-state-types crypto/randomness.go."""
    assert [int(purpose) for purpose in Purpose] == list(range(1, 10))


@pytest.mark.parametrize("version", [0, 2])
def test_a_root_of_another_version_is_refused(version):
    state = world(4)
    root = StateRoot.decode(state.store.get(state.flush()))
    assert StateTree(state.store, save(state.store, root.to_wire())).get(ALICE) is not None
    with pytest.raises(Exception, match=f"version {version}") as caught:
        StateTree(state.store, save(state.store, dataclasses.replace(root, version=version).to_wire()))
    assert type(caught.value).__module__.startswith("thespis.")


def test_an_entry_can_be_made_for_an_id_without_registration():
    state = world()
    state.set(Address.id(500), Actor(EMPTY_OBJECT, EMPTY_OBJECT, 0, 0))
    assert state.get(Address.id(500)).nonce == 0
