"""The programming model, on virtual time."""

import pytest
from thespian.actors import ActorSystem
from thespis.runtime.actor import subsystem
from thespis.runtime.actor.envelopes import ChildState
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.message import message
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.actor.supervision import ChildSpec, Plan
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.errors import MessageError, RemoteError


@message
class Add:
    amount: int


@message
class Total:
    total: int


@message
class Slow:
    seconds: float


@message
class Exclusive:
    seconds: float


@message
class Fail:
    pass


@message
class Unhandled:
    pass


@message
class Hello:
    pass


@message
class AskServer:
    what: str
    deadline: float


@message
class Answer:
    text: str


class Server(Subsystem):
    def __init__(self):
        super().__init__()
        self.total = 0
        self.log = []

    @handles(Add)
    def add(self, request):
        self.total += request.amount
        return Total(self.total)

    @handles(Slow)
    async def slow(self, request):
        self.log.append("slow in")
        await self.sleep(request.seconds)
        self.log.append("slow out")
        return Answer(" ".join(self.log))

    @handles(Exclusive, exclusive=True)
    async def exclusive(self, request):
        self.log.append("exclusive in")
        await self.sleep(request.seconds)
        self.log.append("exclusive out")
        return Answer(" ".join(self.log))

    @handles(Fail)
    def fail(self, _request):
        raise KeyError("lost")

    @handles(Hello)
    def hello(self, _event):
        self.log.append("hello")


class Client(Subsystem):
    def __init__(self):
        super().__init__()
        self.peak = 0

    @handles(AskServer)
    async def relay(self, request):
        bodies = {"add": Add(1), "fail": Fail(), "slow": Slow(5.0), "unhandled": Unhandled(), "nobody": Add(1)}
        role = "Nobody" if request.what == "nobody" else Server
        try:
            reply = await self.ask(role, bodies[request.what], deadline=request.deadline)
        except Exception as error:
            return Answer(f"{type(error).__name__}: {error}")
        return Answer(repr(reply))

    @handles(Add)
    async def both(self, request):
        first = await self.ask(Server, request)
        second = await self.ask(Server, request)
        return Total(first.total * 1000 + second.total)

    @handles(Hello)
    def announce(self, event):
        self.publish(event)
        return Total(int(self.tell(Server, Hello())))


class Tree(Supervisor):
    plan = Plan((ChildSpec("Server", Server), ChildSpec("Client", Client)), routes={Hello: ("Server",)})


@pytest.fixture
def node(simulated_node):
    return simulated_node(Tree, seed=3)


def test_sync_and_async_handlers_and_asks_in_sequence(node):
    assert node.ask("Server", Add(2)) == Total(2)
    assert node.ask("Client", Add(3)) == Total(5 * 1000 + 8)


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("fail", "RemoteError: KeyError"),
        ("unhandled", "UnknownMessageError: Server has no handler for Unhandled"),
        ("slow", "AskTimeoutError: Server did not reply within 2.0 s"),
        ("nobody", "AskTimeoutError: Nobody did not reply within 2.0 s"),
    ],
)
def test_how_asks_end(node, what, answer):
    assert node.ask("Client", AskServer(what, 2.0), 10).text.startswith(answer)


def test_an_ask_in_flight_fails_when_its_target_is_restarted(node):
    client = SupervisorHandle(node.network.system, node.handle.address, node.network.base.clock)
    from thespis.runtime.actor.envelopes import Request, TellRole

    node.network.system.tell(client.address, Request(77, 0, TellRole("Client", AskServer("slow", 60.0), 60.0)))
    node.network.run(1)
    node.crash("Server")
    reply = node.network.system.listen(5)
    assert reply.body.body.text.startswith("ActorRestartedError: Server was restarted")


def test_an_ask_waits_for_the_next_incarnation(node):
    node.crash("Server")
    node.network.run(0.01)
    assert node.row("Server").state is not ChildState.RUNNING
    assert node.ask("Client", AskServer("add", 5.0)) == Answer("Total(total=1)")


def tell(node, number, body):
    from thespis.runtime.actor.envelopes import Request, TellRole

    node.network.system.tell(node.handle.address, Request(number, 0, TellRole("Server", body, 30.0)))
    node.network.run(0.01)


def answers(node, count):
    return {reply.number: reply.body.body.text for reply in (node.network.system.listen(20) for _ in range(count))}


def test_async_handlers_interleave(node):
    tell(node, 101, Slow(3.0))
    tell(node, 102, Slow(1.0))
    assert answers(node, 2) == {102: "slow in slow in slow out", 101: "slow in slow in slow out slow out"}


def test_exclusive_handlers_do_not(node):
    tell(node, 101, Slow(1.0))
    tell(node, 102, Exclusive(1.0))
    tell(node, 103, Slow(1.0))
    got = answers(node, 3)
    assert got[102] == "slow in slow out exclusive in exclusive out"
    assert got[103].endswith("exclusive out slow in slow out")


def test_events_are_routed_and_tells_arrive(node):
    assert node.ask("Client", Hello()) == Total(1)
    node.network.run(1)
    assert node.ask("Server", Slow(0.0)).text == "hello hello slow in slow out"


def test_a_handler_needs_a_declared_message_and_is_alone():
    with pytest.raises(MessageError, match="not a registered message"):
        handles(int)
    with pytest.raises(MessageError, match="has a handler already"):

        class Two(Subsystem):
            @handles(Add)
            def one(self, request):
                pass

            @handles(Add)
            def two(self, request):
                pass


def test_a_subclass_may_replace_a_handler():
    class Better(Server):
        @handles(Add)
        def add_more(self, request):
            return Total(1)

    assert Better.handlers[Add].function is Better.add_more
    assert Server.handlers[Add].function is Server.add


def test_stale_incarnations_and_strangers(node):
    from thespis.runtime.actor.envelopes import Failure, Request

    base, system = node.network.base, node.network.system
    [server] = node.actors("Server")
    system.tell(server.address, Request(1, 99, Add(1)))
    answer = system.listen(5)
    assert isinstance(answer, Failure)
    assert answer.kind == "ActorRestartedError"
    before = node.row("Server").statistics.rejected
    system.tell(server.address, Add(1))  # no envelope
    base.run(2)
    assert node.row("Server").statistics.rejected == before + 1


def test_outside_errors_keep_their_kind(node):
    with pytest.raises(RemoteError) as caught:
        node.ask("Server", Fail())
    assert caught.value.kind == "RemoteError"
    with pytest.raises(RemoteError) as caught:
        node.ask("Nobody", Add(1))
    assert caught.value.kind == "RoleUnavailableError"
    assert "Server, Client" in caught.value.detail


def test_runs_on_thespians_own_base():
    """The actors use Thespian's public interface only; its one-process base has no kill, but it starts and answers."""
    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    handle = SupervisorHandle(system, system.createActor(Tree))
    handle.start(deadline_s=10)
    assert handle.tell_role("Client", Add(1)) == Total(1 * 1000 + 2)
    handle.stop()
    system.shutdown()


def test_what_waits_for_an_exclusive_handler_is_bounded(node, monkeypatch):
    assert subsystem.HELD_MESSAGES_MAX == 10_000
    monkeypatch.setattr(subsystem, "HELD_MESSAGES_MAX", 2)
    tell(node, 101, Exclusive(1.0))
    for number in (102, 103, 104):
        tell(node, number, Add(number))
    got = {reply.number: reply for reply in (node.network.system.listen(20) for _ in range(4))}
    assert (got[104].kind, got[104].detail) == ("MailboxFullError", "Server holds 2 messages")
    assert got[102].body.body == Total(102)
    assert got[103].body.body == Total(102 + 103)
