"""Copies of a template are their supervisor's children like any other, and nobody depends on the template's life."""

import dataclasses
import os
import signal
import time

import psutil
import pytest
from thespian.actors import ActorExitRequest
from thespis.runtime.bases import template
from thespis.runtime.bases.root import root_settings
from thespis.runtime.bases.settings import Limits

from tests.runtime.bases import crew
from tests.runtime.bases.test_process import ask, gone, make, system, until  # noqa: F401  (fixtures)

pytestmark = pytest.mark.slow


@pytest.fixture
def parent(system):  # noqa: F811
    return system.createActor(crew.Copier)


def template_of(supervisor):
    return [each for each in psutil.Process(supervisor).children() if each.name() == "thespis: template"]


def test_a_copy_is_its_supervisors_child_and_its_end_is_seen(system, parent):  # noqa: F811
    me = ask(system, parent, crew.Who()).process_id
    made = ask(system, parent, crew.Make("worker", 3))
    [mould] = template_of(me)
    assert mould.num_threads() == 1
    for pid in made.process_ids:
        assert psutil.Process(pid).ppid() == me
        assert pid != mould.pid
    assert not mould.children(), "who stands between a template and its copy ends at once"
    os.kill(made.process_ids[0], signal.SIGKILL)
    assert ask(system, parent, crew.Exits(1)).reasons == ("SIGKILL",)


def test_a_template_that_is_killed_takes_nobody_along_and_has_a_successor(system, parent):  # noqa: F811
    me = ask(system, parent, crew.Who()).process_id
    first = ask(system, parent, crew.Make("worker", 2)).process_ids
    [mould] = template_of(me)
    mould.kill()
    until(lambda: not template_of(me))
    second = ask(system, parent, crew.Make("worker", 2)).process_ids
    assert [each.pid for each in template_of(me)] != [mould.pid]
    assert not any(gone(pid) for pid in (*first, *second))


def test_a_template_that_hangs_is_given_up_and_the_child_is_spawned(make):  # noqa: F811
    system = make(start_timeout_s=1.0)  # noqa: F811
    parent = system.createActor(crew.Copier)
    me = ask(system, parent, crew.Who()).process_id
    ask(system, parent, crew.Make("worker", 1))
    [mould] = template_of(me)
    mould.suspend()
    [spawned] = ask(system, parent, crew.Make("worker", 1)).process_ids
    assert psutil.Process(spawned).ppid() == me
    assert not template_of(me)
    assert len(psutil.Process(me).children()) == 2, "no copy that its supervisor does not know"


def test_a_template_with_a_thread_copies_nothing_any_more(system, parent):  # noqa: F811
    me = ask(system, parent, crew.Who()).process_id
    ask(system, parent, crew.Make("threaded", 1))
    [mould] = template_of(me)
    assert mould.num_threads() > 1
    spawned = ask(system, parent, crew.Make("worker", 2)).process_ids
    assert all(psutil.Process(pid).ppid() == me for pid in spawned)


def test_a_copy_whose_supervisor_is_gone_ends_whoever_inherits_it(monkeypatch):
    """That may be another than the system's first process: a user's service manager takes orphans in, too."""

    def wait(_seconds):
        raise AssertionError("it waits for a parent that it has lost")

    monkeypatch.setattr(time, "sleep", wait)
    settings = root_settings("nowhere", "nowhere", "", "", Limits(), "ERROR")
    pid = os.fork()
    if not pid:  # its parent is this test, which is not the supervisor that the settings name
        try:
            template._become(dataclasses.replace(settings, parent_pid=os.getppid() + 1_000_000))
        except BaseException:
            os._exit(9)
        os._exit(8)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


@pytest.mark.parametrize("number", [None, signal.SIGKILL])
def test_a_template_ends_with_its_supervisor(system, parent, number):  # noqa: F811
    me = ask(system, parent, crew.Who()).process_id
    made = ask(system, parent, crew.Make("worker", 2)).process_ids
    [mould] = template_of(me)
    if number is None:
        system.tell(parent, ActorExitRequest())
    else:
        os.kill(me, number)
    until(lambda: all(gone(pid) for pid in (me, mould.pid, *made)))
