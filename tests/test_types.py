"""What actors say to each other is held by the type checker: planted errors fail, each at its line.

The plants are laid into a copy of the sources: a module of misuses, whose last comments say which error each line is,
and changes of real modules. One run of the checker sees them all, and must see nothing else.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.test_tidy import ROOT, SOURCES, name, tree

PLANTED = '''\
"""Misuses of the conversation, one a line."""

from thespis.actors import roles
from thespis.actors.messages.network import PeerJoined, PeerMisbehaved
from thespis.actors.messages.syncer import Head, ReadHead
from thespis.actors.messages.wallet import ListKeys, SignBytes
from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.handlers import answers, handles
from thespis.runtime.actor.message import message
from thespis.runtime.actor.subsystem import Subsystem


@message
class OfNobody(Ask[None], to=roles.WALET):  # error: attr-defined
    """Its role does not exist."""


@message
class OfText(Ask[None], to="Wallet"):  # error: arg-type
    """Its role is a text."""


class Asker(Subsystem[None]):
    """Asks wrongly."""

    async def to_another_role(self, key: Address) -> None:
        """A question goes to the role that it names, and to no other."""
        await self.ask(SignBytes(key, b""), to=roles.SYNCER)  # error: call-arg

    async def wrong_replies(self, key: Address) -> None:
        """A reply is what its question says."""
        right: Signature = await self.ask(SignBytes(key, b""))
        wrong: int = await self.ask(SignBytes(key, b""))  # error: arg-type
        head = await self.ask(ReadHead())
        print(right, wrong, head.height, head.depth)  # error: attr-defined

    async def wrong_words(self, key: Address) -> None:
        """A question is asked, a notice is told, an event is published."""
        await self.ask(PeerMisbehaved("peer", "reason"))  # error: arg-type
        self.tell(SignBytes(key, b""))  # error: arg-type
        self.publish(PeerMisbehaved("peer", "reason"))  # error: arg-type
        await self.ask(SignBytes(str(key), b""))  # error: arg-type


class Answerer(Subsystem[None]):
    """Answers wrongly; the last two rightly."""

    @answers(SignBytes)  # error: arg-type
    def of_another_question(self, request: ListKeys) -> Signature:
        """Takes another question than it is marked with."""
        raise NotImplementedError

    @answers(ReadHead)  # error: arg-type
    def with_another_reply(self, _request: ReadHead) -> int:
        """Returns another type than the question declares."""
        return 0

    @answers(ListKeys)  # error: arg-type
    async def later_with_another_reply(self, _request: ListKeys) -> Head:
        """The same, later."""
        raise NotImplementedError

    @answers(PeerMisbehaved)  # error: type-var
    def of_no_question(self, _notice: PeerMisbehaved) -> None:
        """Nothing waits for an answer to it."""

    @handles(ReadHead)  # error: type-var
    def of_a_question(self, _request: ReadHead) -> None:
        """Somebody waits for an answer to it."""

    @answers(SignBytes)
    async def rightly(self, request: SignBytes) -> Signature:
        """As it should be."""
        raise NotImplementedError

    @handles(PeerJoined)
    def heard(self, event: PeerJoined) -> None:
        """As it should be."""
'''

# in a real module: what stands there, what is put there, and which error that is
CHANGES = {
    "actors/messages/wallet.py": ("Ask[Signature], to=WALLET", "Ask[Signature], to=WALET", "name-defined"),
    "actors/wallet/actor.py": ("SignBytes) -> Signature:", "SignBytes) -> Signature | None:", "arg-type"),
    "actors/api/gas.py": ("premium = await node.ask(", "premium: str = await node.ask(", "arg-type"),
    "actors/hello_svc/actor.py": ("self.ask(ReadHead())", "self.ask(PeerJoined(PROTOCOL))", "arg-type"),
}
DECORATED = {"actors/wallet/actor.py": -1}
"""Where the checker names another line than the changed one: a handler's decorator stands above it."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The sources, laid out as an installation lays them, with every plant in them."""
    root = tmp_path_factory.mktemp("copy")
    package = root / "thespis"
    shutil.copytree(ROOT / "deploy" / "package", package)
    for floor in ("actors", "protocols", "runtime"):
        shutil.copytree(ROOT / floor, package / floor, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    (package / "actors" / "planted.py").write_text(PLANTED)
    for file, (before, after, _error) in CHANGES.items():
        text = (package / file).read_text()
        assert text.count(before) == 1, f"{file}: {before}"
        (package / file).write_text(text.replace(before, after))
    return root


def expected():
    """Of every planted error, where it stands, and its code."""
    marked = ((number, line.partition("# error: ")[2]) for number, line in enumerate(PLANTED.splitlines(), 1))
    found = {("actors/planted.py", number): error for number, error in marked if error}
    for file, (before, _after, error) in CHANGES.items():
        above = (ROOT / file).read_text().partition(before)[0]
        found[file, above.count("\n") + 1 + DECORATED.get(file, 0)] = error
    return found


@pytest.mark.slow
def test_every_planted_error_fails_the_type_checker_at_its_line(copy):
    modules = ["thespis.actors.planted", *("thespis." + file[:-3].replace("/", ".") for file in CHANGES)]
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, *(f"--module={module}" for module in modules)]
    environment = os.environ | {"MYPYPATH": str(copy)}
    ran = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    errors = {}
    for file, line, code in re.findall(r"^thespis/(\S+):(\d+): error: .*\[([a-z-]+)\]$", ran.stdout, re.M):
        errors.setdefault((file, int(line)), set()).add(code)
    assert errors.keys() == expected().keys(), ran.stdout
    assert not [place for place, code in expected().items() if code not in errors[place]], ran.stdout


def filecoin_plan():
    from thespis.actors.node.actor import FilecoinNode

    return FilecoinNode.plan


def test_the_nodes_plan_answers_every_question():
    filecoin_plan().check()


@pytest.mark.parametrize(
    ("gone", "fault"),
    [
        ("Wallet", "SignBytes is for Wallet, and no child of that role takes it"),
        ("Syncer", "SubmitBlock is for Syncer, and no child of that role takes it"),
        ("SealWorker-1", None),  # seven others take its jobs
        ("Network", "PeerJoined is published by Network, which is no child"),
        ("StorageMiner", "SectorSealed is published and no child handles it"),
    ],
)
def test_a_node_without_one_of_its_children_does_not_start(simulated_network, gone, fault):
    from thespis.actors.node.settings import LOCAL
    from thespis.runtime.actor.supervisor import Supervisor
    from thespis.runtime.errors import PlanError

    plan = filecoin_plan()
    kept = tuple(child for child in plan.children if child.name != gone)
    assert len(kept) == len(plan.children) - 1
    if fault is None:
        replace(plan, children=kept).check()
        return

    class Incomplete(Supervisor):
        plan = replace(filecoin_plan(), children=kept)

    with pytest.raises(PlanError, match=fault):
        simulated_network().add("incomplete", Incomplete, LOCAL)


def test_the_plans_process_knows_every_message():
    """A question that nobody imports would be missed by the check of the plan."""
    script = "import sys, thespis.actors.node.actor; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    folder = ROOT / "actors" / "messages"
    assert {f"thespis.actors.messages.{path.stem}" for path in folder.glob("[a-z]*.py")} <= set(loaded)


@pytest.mark.parametrize("path", [path for path in SOURCES if not name(path).startswith("runtime")], ids=name)
def test_nobody_names_a_role_by_text_or_a_reply_by_hand(path):
    roles = {child.role.name for child in filecoin_plan().children} | {child.name for child in filecoin_plan().children}
    for node in ast.walk(tree(path)):
        if is_conversation(node):
            texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            assert not roles & {text for text in texts if isinstance(text, str)}, f"line {node.lineno}"
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Await):
            assert not is_conversation(node.value.value), f"line {node.lineno}: the question says its reply"
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "cast":
            assert not any(is_conversation(part) for part in ast.walk(node)), f"line {node.lineno}"


def is_conversation(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("ask", "tell")
