import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from thespian.actors import ActorExitRequest, ActorSystem, ActorSystemFailure, InvalidActorSpecification, PoisonMessage
from thespis.runtime.bases import simulated
from thespis.runtime.bases.simulated import SimulatedBase
from thespis.runtime.simulation.faults import CALM, STORMY, Faults

from tests.runtime.bases import crew


def build(seed=1, faults=CALM, **arguments):
    base = SimulatedBase(seed, faults=faults, **arguments)
    return base, ActorSystem(base, transientUnique=True)


def play(seed, faults=CALM):
    """A life with children, crashes, hangs and timers; returns what identifies it."""
    base, system = build(seed, faults)
    parent = system.createActor(crew.Parent)
    system.tell(parent, crew.Make("worker", 4))
    base.run(2)
    left, right = system.createActor(crew.Chatter), system.createActor(crew.Chatter)
    system.tell(left, crew.Introduce(right, 300, 8))
    keeper = system.createActor(crew.TimerKeeper)
    system.tell(keeper, crew.Timers(50))
    base.run(0.1)
    workers = sorted(name for name in base.actors if name.startswith("Worker"))
    base.crash(workers[0])
    base.hang(workers[1])
    for number in range(20):
        system.tell(parent, crew.Number(number))
    base.run(1)
    base.resume(workers[1])
    base.run(5)
    return base.trace_hash, base.delivered


def test_same_seed_same_trace_other_seed_other_trace():
    for faults in (CALM, STORMY):
        assert play(7, faults) == play(7, faults)
        assert play(7, faults) != play(8, faults)


def _interpreters():
    found = [sys.executable]
    for version in ("3.11", "3.12", "3.13"):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            candidate = Path(folder) / f"python{version}"
            if candidate.exists():
                found.append(str(candidate))
                break
    return found


@pytest.mark.slow
def test_same_trace_across_hash_seeds_and_python_versions():
    """Other versions run where they are installed and can import this interpreter's pure-Python packages."""
    script = "import json; from tests.runtime.bases.test_simulated import play; print(json.dumps(play(7)))"
    results, versions = set(), set()
    for interpreter in _interpreters():
        for hash_seed in ("0", "12345"):
            environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parents[3])}
            if interpreter != sys.executable:
                environment["PYTHONPATH"] += os.pathsep + os.pathsep.join(p for p in sys.path if "site-packages" in p)
                environment["MSGPACK_PUREPYTHON"] = "1"
            ran = subprocess.run([interpreter, "-c", script], env=environment, capture_output=True, text=True)
            if ran.returncode:
                assert interpreter != sys.executable, ran.stderr
                continue
            results.add(tuple(json.loads(ran.stdout)))
            versions.add(interpreter)
    assert sys.executable in versions
    assert len(results) == 1


def test_virtual_time_passes_without_waiting():
    base, system = build()
    keeper = system.createActor(crew.TimerKeeper)
    before = base.clock.monotonic_s()
    assert len(system.ask(keeper, crew.Timers(100), 10).values) == 100
    assert 0.5 < base.clock.monotonic_s() - before < 0.7
    assert base.clock.unix_s() - base.clock.monotonic_s() == 1_598_306_400


def test_exits_carry_reasons_and_take_the_subtree():
    base, system = build()
    parent = system.createActor(crew.Parent)
    [middle] = system.ask(parent, crew.Make("parent", 1), 10).addresses
    below = system.ask(middle, crew.Make("worker", 3), 10).addresses
    base.crash(middle)
    assert system.ask(parent, crew.Exits(1), 10).reasons == ("SIGKILL",)
    assert not {str(address.addressDetails) for address in below} & set(base.actors)
    [child] = system.ask(parent, crew.Make("worker", 1), 10).addresses
    system.tell(child, crew.Die("sys.exit"))
    assert system.ask(parent, crew.Exits(2), 10).reasons[-1] == "exit code 3"
    system.ask(parent, crew.Make("stillborn", 1), 10)
    assert system.ask(parent, crew.Exits(3), 10).reasons[-1] == "exit code 70"
    system.tell(parent, ActorExitRequest())
    base.run(10)
    assert base.actors == {}


def test_failures_are_poison_or_raised():
    _base, system = build()
    worker = system.createActor(crew.Worker)
    assert isinstance(system.ask(worker, crew.Die("raise"), 5), PoisonMessage)
    with pytest.raises(InvalidActorSpecification, match="cannot live"):
        system.createActor(crew.Stillborn)


def test_order_per_pair_without_faults():
    for seed in range(10):
        base, system = build(seed, Faults(delay_max_ns=50_000_000))
        sender, receiver = system.createActor(crew.Parent), system.createActor(crew.Worker)
        system.tell(sender, crew.Forward(receiver, 200, 0))
        base.run(60)
        assert system.listen(1) == crew.Text("sent")
        assert system.ask(receiver, crew.Report(), 5).numbers == tuple(range(200))


def test_faults_lose_double_and_reorder():
    base, system = build(3, Faults(drop=0.2, duplicate=0.2, reorder=0.3))
    sender, receiver = system.createActor(crew.Parent), system.createActor(crew.Worker)
    while True:
        system.tell(sender, crew.Forward(receiver, 500, 0))
        base.run(10)
        numbers = base.actors[str(receiver.addressDetails)]._actor.numbers
        if numbers:
            break
    assert len(set(numbers)) < 500
    assert len(numbers) > len(set(numbers))
    assert numbers != sorted(numbers)


def test_partition_and_heal():
    base, system = build()
    sender, receiver = system.createActor(crew.Parent), system.createActor(crew.Worker)
    names = [str(address.addressDetails) for address in (sender, receiver)]
    base.partition({names[0]}, {names[1]})
    system.ask(sender, crew.Forward(receiver, 5, 0), 5)
    base.run(1)
    base.heal()
    system.ask(sender, crew.Forward(receiver, 2, 0), 5)
    base.run(1)
    assert system.ask(receiver, crew.Report(), 5).numbers == (0, 1)


def test_a_hung_actor_keeps_its_mail_and_a_dead_ones_comes_back():
    base, system = build()
    handler = system.createActor(crew.Parent)
    system.ask(handler, crew.Text("handle dead letters"), 5)
    worker = system.createActor(crew.Worker)
    base.hang(worker)
    for number in range(3):
        system.tell(worker, crew.Number(number))
    base.run(1)
    base.resume(worker)
    assert system.ask(worker, crew.Report(), 5).numbers == (0, 1, 2)
    base.hang(worker)
    system.tell(worker, crew.Number(7))
    base.run(1)
    base.crash(worker)
    system.tell(worker, crew.Number(8))
    base.run(1)
    assert sorted(system.ask(handler, crew.Report(), 5).numbers) == [7, 8]


def test_unknown_messages_are_rejected_and_counted():
    base, system = build()
    worker = system.createActor(crew.Worker)
    base.post("outside", str(worker.addressDetails), b"\x92\xaeUnheardOfThing\x01")
    base.run(1)
    assert base.rejected == 1
    assert system.ask(worker, crew.Who(), 5)


def test_one_ask_takes_a_bounded_number_of_events(monkeypatch):
    assert simulated.EVENTS_PER_ASK_MAX == 5_000_000
    monkeypatch.setattr(simulated, "EVENTS_PER_ASK_MAX", 50)
    base, _system = build()

    def again(left):
        if left:
            base.schedule(1, again, left - 1)

    again(49)
    assert base.listen(None) is None, "as many as the bound, and then nothing is left"
    again(50)
    with pytest.raises(ActorSystemFailure, match="within 50 events"):
        base.listen(None)
