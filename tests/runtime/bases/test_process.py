"""The process base: each defect that was found in Thespian's stock base is shown to be absent here."""

import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import zmq
from thespian.actors import (
    ActorExitRequest,
    ActorSystem,
    InvalidActorSpecification,
    NoCompatibleSystemForActor,
    PoisonMessage,
)
from thespis.runtime.bases.counters import ReadCounters
from thespis.runtime.bases.frames import Kind, pack_frame
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.bases.settings import Limits
from thespis.runtime.errors import FrameError, MessageError, RuntimeFloorError

from tests.runtime.bases import crew

pytestmark = pytest.mark.slow
WAIT_S = 30


@pytest.fixture
def make():
    systems = []

    def build(**limits):
        base = ProcessBase(limits=Limits(**limits), log_level="CRITICAL")
        system = ActorSystem(base, transientUnique=True)
        systems.append(system)
        return system

    yield build
    for system in systems:
        directory = system._systemBase.directory
        system.shutdown()
        assert not Path(directory).exists()


@pytest.fixture
def system(make):
    return make()


def until(condition, wait_s=WAIT_S):
    end = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < end, f"not within {wait_s} s"
        time.sleep(0.01)


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def ask(system, address, message):
    answer = system.ask(address, message, WAIT_S)
    assert answer is not None, f"no answer to {message}"
    return answer


def test_five_children_killed_at_once_are_five_exits_thirty_times(system):
    parent = system.createActor(crew.Parent)
    for rounds in range(1, 31):
        made = ask(system, parent, crew.Make("worker", 5))
        for pid in made.process_ids:
            os.kill(pid, signal.SIGKILL)
        seen = ask(system, parent, crew.Exits(5 * rounds))
        assert set(seen.addresses[-5:]) == {str(address.addressDetails) for address in made.addresses}
        assert seen.reasons[-5:] == ("SIGKILL",) * 5


def test_a_supervisor_exits_with_all_its_children(system):
    for _ in range(6):
        parent = system.createActor(crew.Parent)
        made = ask(system, parent, crew.Make("worker", 4))
        me = ask(system, parent, crew.Who())
        system.tell(parent, ActorExitRequest())
        until(lambda made=made, me=me: all(gone(pid) for pid in (*made.process_ids, me.process_id)))


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("segfault", "SIGSEGV"),
        ("SIGKILL", "SIGKILL"),
        ("SIGABRT", "SIGABRT"),
        ("SIGTERM", "exit code 0"),
        ("sys.exit", "exit code 3"),
        ("os._exit", "exit code 4"),
    ],
)
def test_exit_reasons(system, how, reason):
    parent = system.createActor(crew.Parent)
    [child] = ask(system, parent, crew.Make("worker", 1)).addresses
    system.tell(child, crew.Die(how))
    assert ask(system, parent, crew.Exits(1)).reasons == (reason,)


def test_a_child_that_cannot_start_and_one_that_refuses_to_exit(system):
    parent = system.createActor(crew.Parent)
    ask(system, parent, crew.Make("stillborn", 1))
    assert ask(system, parent, crew.Exits(1)).reasons == ("exit code 70",)
    [stubborn] = ask(system, parent, crew.Make("stubborn", 1)).addresses
    system.tell(stubborn, ActorExitRequest())
    assert ask(system, parent, crew.Exits(2)).reasons[-1] == "exit code 0"
    with pytest.raises(InvalidActorSpecification, match="cannot live"):
        system.createActor(crew.Stillborn)


def test_a_failing_message_is_poison_and_the_actor_lives(system):
    worker = system.createActor(crew.Worker)
    answer = ask(system, worker, crew.Die("raise"))
    assert isinstance(answer, PoisonMessage)
    assert "as asked" in answer.details
    assert ask(system, worker, crew.Who())


def test_a_hung_child_blocks_nobody_else_and_its_mail_comes_back_when_it_is_killed(make):
    system = make(window_messages=50)
    parent = system.createActor(crew.Parent)
    ask(system, parent, crew.Text("handle dead letters"))
    made = ask(system, parent, crew.Make("worker", 2))
    hung, other = made.addresses
    os.kill(made.process_ids[0], signal.SIGSTOP)
    sender = system.createActor(crew.Parent)
    assert ask(system, sender, crew.Forward(hung, 2000, 0)) == crew.Text("sent")
    # the sender still talks to others while 2000 messages wait for the hung one
    assert ask(system, sender, crew.Forward(other, 100, 0)) == crew.Text("sent")
    until(lambda: ask(system, other, crew.Report()).numbers == tuple(range(100)))
    os.kill(made.process_ids[0], signal.SIGKILL)
    until(lambda: len(ask(system, parent, crew.Report()).numbers) == 2000)
    assert ask(system, parent, crew.Report()).numbers == tuple(range(2000))


def test_a_full_mailbox_pushes_back_and_nothing_is_lost(make):
    system = make(window_messages=10, outbox_messages=20, send_block_s=0.2)
    handler = system.createActor(crew.Parent)
    ask(system, handler, crew.Text("handle dead letters"))
    made = ask(system, handler, crew.Make("worker", 1))
    os.kill(made.process_ids[0], signal.SIGSTOP)
    sender = system.createActor(crew.Parent)
    assert ask(system, sender, crew.Forward(made.addresses[0], 35, 0)) == crew.Text("sent")
    # 10 in the window and 20 in the outbox wait; 5 came back after the bound on waiting
    until(lambda: len(ask(system, handler, crew.Report()).numbers) == 5)
    counters = ask(system, sender, ReadCounters())
    assert counters.dead_letters == 5
    assert counters.blocked_s > 0
    os.kill(made.process_ids[0], signal.SIGCONT)
    until(lambda: len(ask(system, made.addresses[0], crew.Report()).numbers) == 30)
    assert ask(system, made.addresses[0], crew.Report()).numbers == tuple(range(30))
    assert ask(system, handler, crew.Report()).numbers == tuple(range(30, 35))


@pytest.mark.parametrize("window", [1, 4, 16, 64])
def test_no_inversions_when_both_talk(system, window):
    left, right = system.createActor(crew.Chatter), system.createActor(crew.Chatter)
    assert ask(system, left, crew.Introduce(right, 5000, window)) == crew.Number(0)


def test_one_way_order_past_every_window(make):
    system = make(window_messages=100, outbox_messages=300)
    sender, receiver = system.createActor(crew.Parent), system.createActor(crew.Worker)
    assert ask(system, sender, crew.Forward(receiver, 20_000, 0)) == crew.Text("sent")
    until(lambda: len(ask(system, receiver, crew.Report()).numbers) == 20_000)
    assert ask(system, receiver, crew.Report()).numbers == tuple(range(20_000))


def test_ten_thousand_timers_fire_in_order(system):
    keeper = system.createActor(crew.TimerKeeper)
    fired = ask(system, keeper, crew.Timers(10_000)).values
    assert sorted(fired) == list(range(10_000))
    for delay in range(7):
        group = [index for index in fired if index % 7 == delay]
        assert group == sorted(group)


def test_watched_descriptors(system):
    watcher = system.createActor(crew.Watcher)
    assert ask(system, watcher, crew.Who()) == crew.Text("through the watch")


def test_orphans_of_a_killed_parent_die(system):
    parent = system.createActor(crew.Parent)
    [middle] = ask(system, parent, crew.Make("parent", 1)).addresses
    grandchildren = ask(system, middle, crew.Make("worker", 3))
    os.kill(ask(system, middle, crew.Who()).process_id, signal.SIGKILL)
    until(lambda: all(gone(pid) for pid in grandchildren.process_ids))
    assert ask(system, parent, crew.Exits(1)).reasons == ("SIGKILL",)
    # what is sent to the dead grandchildren comes back although their own parent could tell nobody
    ask(system, parent, crew.Text("handle dead letters"))
    sender = system.createActor(crew.Parent)
    ask(system, sender, crew.Forward(grandchildren.addresses[0], 3, 0))
    until(lambda: ask(system, parent, crew.Report()).numbers == (0, 1, 2))


ROOT_SCRIPT = """
import sys, time
from thespian.actors import ActorSystem
from thespis.runtime.bases.process import ProcessBase
from tests.runtime.bases import crew
base = ProcessBase()
system = ActorSystem(base, transientUnique=True)
parent = system.createActor(crew.Parent)
made = system.ask(parent, crew.Make("parent", 2), 30)
inner = system.ask(made.addresses[0], crew.Make("worker", 2), 30)
me = system.ask(parent, crew.Who(), 30)
print(base.directory, me.process_id, *made.process_ids, *inner.process_ids, flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_root_however_it_ends(number):
    process = subprocess.Popen([sys.executable, "-c", ROOT_SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    directory, *pids = process.stdout.readline().decode().split()
    assert len(pids) == 5
    assert Path(directory).exists()
    process.send_signal(number)
    process.wait(WAIT_S)
    until(lambda: all(gone(int(pid)) for pid in pids))
    until(lambda: not Path(directory).exists())


def raw_socket(system, address, context):
    socket = context.socket(zmq.PUSH)
    socket.setsockopt(zmq.LINGER, 1000)
    socket.connect(f"ipc://{system._systemBase.directory}/{address.addressDetails}")
    return socket


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


def test_pickles_and_garbage_are_rejected_counted_and_never_executed(system, tmp_path):
    worker = system.createActor(crew.Worker)
    target = str(worker.addressDetails).encode()
    marker = tmp_path / "executed"
    context = zmq.Context()
    socket = raw_socket(system, worker, context)
    bad = [
        pickle.dumps(Bomb(marker)),
        pack_frame(Kind.MESSAGE, 1, 0, b"evil", target, pickle.dumps(Bomb(marker))),
        pack_frame(Kind.MESSAGE, 2, 0, b"evil", target, b"\x92\xaeUnheardOfThing\x01"),
        pack_frame(Kind.MESSAGE, 3, 0, b"evil", target, b"\x92\xa6Number\xa1x"),
        pack_frame(Kind.MESSAGE, 4, 0, b"evil", target, b"\x91\xa6Number"),
        pack_frame(99, 1, 0, b"evil", target, b""),
        b"",
        b"\x01\xff\xff",
        pack_frame(Kind.MESSAGE, 5, 0, b"\xff\xfe", target, b""),
    ]
    for frame in bad:
        socket.send(frame)
    until(lambda: ask(system, worker, ReadCounters()).rejected == len(bad))
    assert not marker.exists()
    assert ask(system, worker, crew.Who())
    socket.close()
    context.term()


def test_oversize_messages_are_refused_where_they_are_sent_and_where_they_arrive(make):
    system = make(frame_bytes_max=100_000)
    worker = system.createActor(crew.Worker)
    with pytest.raises(FrameError, match="bound is 100000"):
        system.tell(worker, crew.Payload(bytes(100_001)))
    with pytest.raises(MessageError, match="send a reference"):
        system.tell(worker, crew.Payload(bytes(17 << 20)))
    context = zmq.Context()
    socket = raw_socket(system, worker, context)
    socket.send(pack_frame(Kind.MESSAGE, 1, 0, b"evil", b"x", bytes(150_000)))
    socket.send(pack_frame(Kind.MESSAGE, 2, 0, b"evil", b"x", bytes(10 << 20)))
    assert ask(system, worker, crew.Payload(b"still here")) == crew.Payload(b"still here")
    socket.close(linger=0)
    context.term()


def test_idle_connections_do_not_exhaust_an_actor(system):
    worker = system.createActor(crew.Worker)
    path = f"{system._systemBase.directory}/{worker.addressDetails}"
    idle = []
    for _ in range(600):
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(path)
        except BlockingIOError:
            time.sleep(0.01)
        idle.append(connection)
    assert ask(system, worker, crew.Payload(b"x")) == crew.Payload(b"x")
    newcomer = system.createActor(crew.Parent)
    assert ask(system, newcomer, crew.Forward(worker, 3, 0)) == crew.Text("sent")
    until(lambda: ask(system, worker, crew.Report()).numbers == (0, 1, 2))
    for connection in idle:
        connection.close()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_another_user_cannot_reach_an_actor(system):
    worker = system.createActor(crew.Worker)
    path = f"{system._systemBase.directory}/{worker.addressDetails}"
    script = f"""
import os, socket
os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect({path!r})
except PermissionError as error:
    print("refused")
"""
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip() == "refused"


def test_a_socket_directory_that_others_can_enter_is_refused(tmp_path):
    from thespis.runtime.bases.directory import SocketDirectory

    tmp_path.chmod(0o755)
    with pytest.raises(RuntimeFloorError, match="mode 700"):
        SocketDirectory(str(tmp_path))


def test_no_tcp_port_is_opened(system):
    worker = system.createActor(crew.Worker)
    pid = ask(system, worker, crew.Who()).process_id
    for process in (psutil.Process(pid), psutil.Process()):
        assert not [c for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]


def test_long_home_paths_work(tmp_path):
    home = tmp_path / ("x" * 120) / ("y" * 120)
    home.mkdir(parents=True)
    system = ActorSystem(ProcessBase(home, log_level="CRITICAL"), transientUnique=True)
    try:
        assert ask(system, system.createActor(crew.Worker), crew.Who())
    finally:
        system.shutdown()
    assert list(home.iterdir()) == []


def test_classes_that_no_process_can_import_are_refused(system):
    class Local(crew.Worker):
        pass

    with pytest.raises(InvalidActorSpecification, match="move it to a module"):
        system.createActor(Local)


def test_shutdown_twice_and_use_afterwards(make):
    system = make()
    worker = system.createActor(crew.Worker)
    base = system._systemBase
    base.shutdown()
    base.shutdown()
    with pytest.raises(Exception, match=re.compile("shut down")):
        base.tell(worker, crew.Who())


def test_capabilities_are_required_given_and_taken_away(system):
    base = system._systemBase
    with pytest.raises(NoCompatibleSystemForActor):
        system.createActor(crew.Sealer)
    base.updateCapability("sealing", "fast")
    parent = system.createActor(crew.Parent)
    made = ask(system, parent, crew.Make("sealer", 2))
    base.updateCapability("sealing", "slow")
    assert ask(system, parent, crew.Exits(2)).reasons == ("exit code 0",) * 2
    until(lambda: all(gone(pid) for pid in made.process_ids))
    with pytest.raises(InvalidActorSpecification, match="plain values"):
        system.createActor(crew.Worker, {"thing": object()})


def test_what_is_urgent_is_handled_before_mail_that_waits(system):
    """As heartbeats are: however much mail waits, an actor is not taken for one that hangs."""
    sloth, hurry = system.createActor(crew.Sloth), system.createActor(crew.Hurry)
    told = system.ask(hurry, crew.Forward(sloth, 500, 0), WAIT_S)
    assert told.values[0] < 100


def test_what_killed_processes_left_in_the_folder_of_sockets_is_swept(tmp_path):
    """Folders too, as readers of a store have them; the sweeper waits for the end of who started it."""
    from thespis.runtime.bases.directory import SocketDirectory

    place = tmp_path / "run"
    directory = SocketDirectory.create(str(place))
    writer = directory.start_sweeper()
    (place / "reader-x").mkdir()
    (place / "reader-x" / "LOG").write_text("left")
    os.close(writer)
    until(lambda: not place.exists())
    place.mkdir(mode=0o700)
    (place / "reader-y").mkdir()
    SocketDirectory.create(str(place))
    assert list(place.iterdir()) == []
