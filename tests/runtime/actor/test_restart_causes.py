"""Why children were restarted, counted under few names."""

import pytest
from thespian.actors import ActorSystem
from thespis.runtime.actor.conversation import Role
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.supervision import (
    CAUSES_MAX,
    OTHER_CAUSES,
    Backoff,
    Cause,
    ChildSpec,
    Ending,
    Intensity,
    Plan,
    RestartLog,
)
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.bases.exits import START_FAILED_CODE, ExitStatus
from thespis.runtime.bases.simulated import SimulatedBase
from thespis.runtime.store.interface import METADATA, Put

KILLED, FAILED = ExitStatus(None, 9), ExitStatus(3, None)


@pytest.mark.parametrize(
    ("ending", "text", "counted_as"),
    [
        (Ending(KILLED), "SIGKILL", "SIGKILL"),
        (Ending(FAILED), "exit code 3", "exit code 3"),
        (Ending(ExitStatus(START_FAILED_CODE, None)), "exit code 70", "failed to start"),
        (Ending(KILLED, Cause.START_FAILED, "OSError: no"), "SIGKILL: OSError: no", "failed to start"),
        (Ending(KILLED, Cause.HEARTBEAT_MISSED, "none for 3 s"), "SIGKILL: none for 3 s", "heartbeat missed"),
        (Ending(KILLED, Cause.START_TIMEOUT, "not ready"), "SIGKILL: not ready", "start timeout"),
        (Ending(ExitStatus(None, 200)), "signal 200", "signal 200"),
    ],
)
def test_an_ending_is_told_in_full_and_counted_by_its_cause(ending, text, counted_as):
    assert (str(ending), ending.counted_as) == (text, counted_as)


def test_causes_are_counted_apart_up_to_a_bound():
    log = RestartLog(Intensity())
    for number in range(CAUSES_MAX + 5):
        log.count(f"exit code {number}")
    log.count("exit code 0")
    assert len(log.by_cause) == CAUSES_MAX
    assert log.by_cause["exit code 0"] == 2
    assert log.by_cause[OTHER_CAUSES] == 6


FRAIL = Role("Frail", "tests of causes")


class Frail(Subsystem[None]):
    """Starts well once; then, as its store says, raises, never ends, or starts well again."""

    async def start(self, settings):
        store = self.opened(self.environment.open_store("frail"))
        starts = sum(1 for _ in store.scan(METADATA, b""))
        store.write([Put(METADATA, bytes([starts]), b"")])
        if starts == 1:
            raise OSError("no luck")
        if starts == 2:
            await self.sleep(1000)


class FrailNode(Supervisor):
    plan = Plan((ChildSpec(FRAIL, Frail, backoff=Backoff(first_s=0.1, jitter=0.0), intensity=Intensity(9, 1.0)),))


def test_every_way_to_end_is_counted_by_its_name():
    base = SimulatedBase(1)
    system = ActorSystem(base, transientUnique=True)
    address = system.createActor(FrailNode)
    handle = SupervisorHandle(system, address, base.clock)
    handle.start()

    def row():
        return handle.ask_supervisor(ListProcesses()).rows[1]

    def child():
        [found] = base.actors[str(address.addressDetails)].children.values()
        return found

    base.crash(child().details)
    base.run(20)
    assert row().restarts_by_cause == {"SIGKILL": 1, "failed to start": 1, "start timeout": 1}
    assert row().state.value == "running"
    base.hang(child().details)
    base.run(10)
    base.crash(child().details)
    base.run(1)
    handle.restart("Frail")
    assert row().restarts_by_cause == {
        "SIGKILL": 2, "failed to start": 1, "start timeout": 1, "heartbeat missed": 1, "asked": 1,
    }  # fmt: skip
    assert row().restarts == 5
    assert row().reasons == (
        "SIGKILL", "SIGKILL: OSError: no luck", "SIGKILL: not ready within 15.0 s",
        "SIGKILL: no heartbeat for 3.0 s", "SIGKILL", "asked",
    )  # fmt: skip
    base.shutdown()
