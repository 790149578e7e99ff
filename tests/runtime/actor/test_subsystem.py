"""The programming model, on virtual time."""

import dataclasses

import pytest
from thespian.actors import ActorSystem
from thespis.runtime.actor import subsystem
from thespis.runtime.actor.conversation import Ask, Event, Role, Signal, Tell
from thespis.runtime.actor.envelopes import ChildState, Relay, Request
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.message import Registry, message
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.actor.supervision import ChildSpec, Plan
from thespis.runtime.actor.supervisor import Supervisor
from thespis.runtime.errors import MessageError, PlanError, RemoteError, RoleUnavailableError

TREE = "tests of subsystems"
SERVER, CLIENT = Role("Server", TREE), Role("Client", TREE)
STRANGE_SERVER = Role("Server", "another tree")
NOBODY = Role("Nobody", "another tree")


IMPATIENT_S = 5.5


class OutOfStockError(Exception):
    """Declared by a question."""


class SoldOutError(OutOfStockError):
    """A subclass of what is declared."""


@message
class Add(Ask[int], to=SERVER):
    amount: int


@message
class AddTwice(Ask[int], to=CLIENT):
    amount: int


@message
class Slow(Ask[str], to=SERVER, within_s=30.0):
    seconds: float

    def wait_s(self):
        return 2.0 if self.seconds == IMPATIENT_S else self.within_s


@message
class Exclusive(Ask[str], to=SERVER):
    seconds: float


@message
class Fail(Ask[None], to=SERVER, raises=(OutOfStockError,)):
    how: str


@message
class Lie(Ask[int], to=SERVER):
    """Answered with what is no integer."""


@message
class Unhandled(Ask[None], to=STRANGE_SERVER):
    pass


@message
class Absent(Ask[None], to=NOBODY, within_s=2.0):
    pass


@message
class Hello(Event, by=CLIENT):
    pass


@message
class Greet(Tell, to=SERVER):
    pass


@message
class Announce(Ask[bool], to=CLIENT):
    pass


@message
class Knock(Signal):
    pass


@message
class AskServer(Ask[str], to=CLIENT, within_s=60.0):
    what: str


class Server(Subsystem[None]):
    def __init__(self):
        super().__init__()
        self.total = 0
        self.log = []

    @answers(Add)
    def add(self, request):
        self.total += request.amount
        return self.total

    @answers(Slow)
    async def slow(self, request):
        self.log.append("slow in")
        await self.sleep(request.seconds)
        self.log.append("slow out")
        return " ".join(self.log)

    @answers(Exclusive, exclusive=True)
    async def exclusive(self, request):
        self.log.append("exclusive in")
        await self.sleep(request.seconds)
        self.log.append("exclusive out")
        return " ".join(self.log)

    @answers(Fail)
    def fail(self, request):
        raise {"lost": KeyError, "sold": SoldOutError}[request.how]("gone")

    @answers(Lie)
    def lie(self, _request):
        return "a text"

    @handles(Hello, Greet)
    def hello(self, _event):
        self.log.append("hello")


class Client(Subsystem[None]):
    def __init__(self):
        super().__init__()
        self.knocks = 0

    @answers(AskServer)
    async def relay(self, request):
        questions = {
            "add": Add(1), "fail": Fail("lost"), "sold": Fail("sold"), "slow": Slow(IMPATIENT_S), "lie": Lie(),
            "unhandled": Unhandled(), "nobody": Absent(),
        }  # fmt: skip
        try:
            reply = await self.ask(questions[request.what])
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return repr(reply)

    @answers(AddTwice)
    async def both(self, request):
        first = await self.ask(Add(request.amount))
        second = await self.ask(Add(request.amount))
        return first * 1000 + second

    @answers(Announce)
    def announce(self, _request):
        self.publish(Hello())
        self.signal(Knock())
        return self.tell(Greet())

    @handles(Knock)
    def knock(self, _event):
        self.knocks += 1


class Tree(Supervisor):
    plan = Plan((ChildSpec(SERVER, Server), ChildSpec(CLIENT, Client)))


@pytest.fixture
def node(simulated_node):
    return simulated_node(Tree, seed=3)


def test_sync_and_async_handlers_and_asks_in_sequence(node):
    assert node.ask(Add(2)) == 2
    assert node.ask(AddTwice(3)) == 5 * 1000 + 8


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("fail", "RemoteError: KeyError"),
        ("sold", "SoldOutError: gone"),
        ("lie", "MessageError: the answer to Lie: expected int, got str"),
        ("unhandled", "UnknownMessageError: Server has no handler for Unhandled"),
        ("slow", "AskTimeoutError: Server did not reply within 2.0 s"),
        ("nobody", "AskTimeoutError: Nobody did not reply within 2.0 s"),
    ],
)
def test_how_asks_end(node, what, answer):
    assert node.ask(AskServer(what)).startswith(answer)


def test_an_ask_in_flight_fails_when_its_target_is_restarted(node):
    client = SupervisorHandle(node.network.system, node.handle.address, node.network.base.clock)
    node.network.system.tell(client.address, Request(77, 0, Relay(AskServer("slow"), 0, 60.0)))
    node.network.run(1)
    node.crash("Server")
    reply = node.network.system.listen(5)
    assert reply.body[1].startswith("ActorRestartedError: Server was restarted")


def test_an_ask_waits_for_the_next_incarnation(node):
    node.crash("Server")
    node.network.run(0.01)
    assert node.row("Server").state is not ChildState.RUNNING
    assert node.ask(AskServer("add")) == "1"


def tell(node, number, body):
    node.network.system.tell(node.handle.address, Request(number, 0, Relay(body, 0, 30.0)))
    node.network.run(0.01)


def replies(node, count):
    return {reply.number: reply.body[1] for reply in (node.network.system.listen(20) for _ in range(count))}


def test_async_handlers_interleave(node):
    tell(node, 101, Slow(3.0))
    tell(node, 102, Slow(1.0))
    assert replies(node, 2) == {102: "slow in slow in slow out", 101: "slow in slow in slow out slow out"}


def test_exclusive_handlers_do_not(node):
    tell(node, 101, Slow(1.0))
    tell(node, 102, Exclusive(1.0))
    tell(node, 103, Slow(1.0))
    got = replies(node, 3)
    assert got[102] == "slow in slow out exclusive in exclusive out"
    assert got[103].endswith("exclusive out slow in slow out")


def test_events_are_routed_and_tells_arrive(node):
    assert node.ask(Announce())
    node.network.run(1)
    assert node.ask(Slow(0.0)) == "hello hello slow in slow out"
    [client] = node.actors("Client")
    assert client._actor.knocks == 1


def test_a_handler_needs_a_declared_message_and_is_alone():
    with pytest.raises(MessageError, match="not a registered message"):
        answers(int)
    with pytest.raises(MessageError, match="questions are for @answers"):
        answers(Greet)
    with pytest.raises(MessageError, match="questions are for @answers"):
        handles(Add)
    with pytest.raises(MessageError, match="has a handler already"):

        class Two(Subsystem):
            @answers(Add)
            def one(self, request):
                pass

            @answers(Add)
            def two(self, request):
                pass


def test_a_subclass_may_replace_a_handler():
    class Better(Server):
        @answers(Add)
        def add_more(self, request):
            return 1

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
        node.ask(Fail("lost"))
    assert caught.value.kind == "KeyError"
    with pytest.raises(SoldOutError, match="gone"):
        node.ask(Fail("sold"))
    with pytest.raises(RoleUnavailableError, match="Server, Client"):
        node.ask(Absent())


def test_a_message_of_a_conversation_says_its_role_and_its_answer_has_a_form():
    registry = Registry()
    for base in (Tell, Event):
        with pytest.raises(MessageError, match="does not say its role"):
            registry.declare(message_class(base))
    with pytest.raises(MessageError, match="what it is answered with"):
        type("Untyped", (Ask,), {}, to=SERVER)

    class Odd(Ask[object], to=SERVER):
        pass

    with pytest.raises(MessageError, match="its answer has type"):
        registry.declare(dataclasses.dataclass(frozen=True)(Odd))


def message_class(base):
    return dataclasses.dataclass(frozen=True)(type("Roleless", (base,), {}))


@pytest.mark.parametrize(
    ("children", "fault"),
    [
        ((ChildSpec(CLIENT, Client),), "Add is for Server, and no child of that role takes it"),
        ((ChildSpec(SERVER, Server),), "Hello is published by Client, which is no child"),
        ((ChildSpec(CLIENT, Server), ChildSpec(SERVER, Client)), "Add is for Server and Client takes it"),
    ],
)
def test_a_plan_with_an_unanswered_question_does_not_start(simulated_network, children, fault):
    class Broken(Supervisor):
        plan = Plan(children)

    with pytest.raises(PlanError, match=fault):
        Broken.plan.check()
    with pytest.raises(PlanError, match=fault):
        simulated_network().add("broken", Broken)


def test_an_event_that_nobody_handles_is_a_fault_of_the_plan():
    class Deaf(Client):
        pass

    with pytest.raises(PlanError, match="Hello is published and no child handles it"):
        Plan((ChildSpec(CLIENT, Deaf),)).check([Hello])


@pytest.mark.parametrize("member", [0, 4, -1])
def test_a_crew_has_so_many_members(member):
    crew = Role("Crew", TREE, members_max=3)
    with pytest.raises(MessageError, match="members 1 to 3"):
        crew.holder(member)
    assert crew.holder(3) == "Crew-3"
    assert [crew.is_held_by(name) for name in ("Crew-1", "Crew-4", "Crew", "Crew-x")] == [True, False, False, False]
    with pytest.raises(MessageError, match="no members"):
        SERVER.holder(1)


def test_runs_on_thespians_own_base():
    """The actors use Thespian's public interface only; its one-process base has no kill, but it starts and answers."""
    system = ActorSystem("simpleSystemBase", transientUnique=True, logDefs=False)
    handle = SupervisorHandle(system, system.createActor(Tree))
    handle.start(within_s=10)
    assert handle.ask(AddTwice(1)) == 1 * 1000 + 2
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
    assert (got[102].body[1], got[103].body[1]) == (102, 102 + 103)


def test_what_is_told_to_one_that_holds_too_much_is_counted_and_logged(monkeypatch, caplog):
    """It went without a trace: nobody waits for an answer to what is told."""
    monkeypatch.setattr(subsystem, "HELD_MESSAGES_MAX", 2)
    full = subsystem.Subsystem()
    sent = []
    full.send = lambda _target, message: sent.append(message)
    for number in range(5):
        full._hold(Add(number), None, None)
    full._hold(Add(9), 77, None)
    assert full._rejected == 4
    assert [failure.kind for failure in sent] == ["MailboxFullError"], "who asked is told"
    assert sum("holds 2 messages" in record.message for record in caplog.records) == 1, "once, until there is room"
    full._held.popleft()
    full._hold(Add(1), None, None)
    full._hold(Add(1), None, None)
    assert sum("holds 2 messages" in record.message for record in caplog.records) == 2
