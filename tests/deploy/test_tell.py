"""``thespis tell``: the table of messages behind its list, its completion and docs/messages.md, and fields as text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from thespis.actors.messages.mining_scheduler import MineOnce
from thespis.actors.messages.network import AskPeer, BlockPeers, ConnectPeer
from thespis.actors.messages.sector_builder import SealStaged
from thespis.actors.messages.syncer import MarkBad, PeerHead
from thespis.actors.messages.wallet import SetDefaultKey, SignBytes
from thespis.deploy.cli.node import tell
from thespis.deploy.messages import entries, page, spoken
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.cid import Cid
from thespis.runtime.actor.conversation import Ask, Tell
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.admin import build_message
from thespis.runtime.errors import MessageError, UnknownMessageError

DOCS = Path(__file__).parents[2] / "docs" / "messages.md"
ACCOUNT = Address.from_text("t01001")
BLOCK = Cid.from_text("bafy2bzacecnamqgqmifpluoeldx7zzglxcljo6oja4vrmtj7432rphldpdmm2")


def test_the_table_has_every_message_of_the_conversation():
    found = entries()
    declared = [kind for kind in REGISTRY.declared() if kind.__module__.startswith("thespis.actors.messages.")]
    assert {entry.name for entry in found} == {kind.__name__ for kind in declared}
    assert {entry.name for entry in spoken()} == {kind.__name__ for kind in declared if issubclass(kind, Ask | Tell)}
    [sign] = [entry for entry in spoken("Wallet") if entry.name == "SignBytes"]
    assert sign.signature() == "SignBytes(address: Address, data: bytes) -> Signature"
    assert sign.errors == ("UnknownAddressError",)
    assert [entry.name for entry in spoken("SealWorker-8")] == ["DoJob"]
    assert spoken("SealWorker-9") == ()


def test_the_committed_page_is_what_the_declarations_give():
    assert DOCS.read_text() == page(), "run: make message-docs"


def test_the_list():
    listed = CliRunner().invoke(tell, ["--list"]).output
    assert "\n  AddMessage(message: SignedMessage, local: bool, untrusted: bool = False) -> MessageAdded\n" in listed
    assert listed.startswith("Api\n")
    assert "NewHead" not in listed  # an event is no one's to tell
    one = CliRunner().invoke(tell, ["--list", "Wallet"]).output
    assert "Api" not in one
    refused = CliRunner().invoke(tell, ["--list", "Walet"])
    assert refused.exit_code == 2
    assert "no role 'Walet'" in refused.output


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["Sea"], [f"SealWorker-{number}" for number in range(1, 9)]),
        (["Wallet", "De"], ["DefaultKey", "DeleteKey"]),
        (["Wallet", "SignBytes", ""], ["address=", "data="]),
        (["Nobody", ""], []),
    ],
)
@pytest.mark.slow
def test_completion(words, offered):
    line = " ".join(["thespis", "tell", *words])
    environment = os.environ | {
        "_THESPIS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) + 1),
    }  # fmt: skip
    script = "import sys; sys.argv[0] = 'thespis'; from thespis.deploy.cli.main import cli; cli(prog_name='thespis')"
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert [each.removeprefix("plain,") for each in ran.stdout.split()] == offered, ran.stderr


@pytest.mark.slow
def test_help_imports_no_message():
    script = (
        "import sys; from thespis.deploy.cli.main import cli; cli(['tell', '--help'], standalone_mode=False)\n"
        "print(*[name for name in sys.modules if name.startswith('thespis.actors')])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "Usage:" in ran.stdout, ran.stderr
    assert ran.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("name", "arguments", "built"),
    [
        ("SetDefaultKey", (str(ACCOUNT),), SetDefaultKey(ACCOUNT)),
        ("SignBytes", (f"address={ACCOUNT}", "data=00ff"), SignBytes(ACCOUNT, b"\x00\xff")),
        ("MarkBad", (f"cid={BLOCK}", "reason=17"), MarkBad(BLOCK, "17")),  # a text is a text, also of digits
        ("PeerHead", ("p", f"['{BLOCK}']", "5", "6"), PeerHead("p", (BLOCK,), 5, 6)),
        ("ConnectPeer", ("/ip4/1.2.3.4/tcp/1/p2p/x=y",), ConnectPeer("/ip4/1.2.3.4/tcp/1/p2p/x=y")),
        ("BlockPeers", ("['a', 'b']",), BlockPeers(("a", "b"))),
        ("AskPeer", ("p", "/q/1", "''", "1.5"), AskPeer("p", "/q/1", b"", 1.5)),
        ("SealStaged", (), SealStaged()),
        ("SealStaged", ("3",), SealStaged(3)),
        ("MineOnce", ("rounds_max=4",), MineOnce(4)),
    ],
)
def test_fields_as_a_person_writes_them(name, arguments, built):
    assert build_message(name, arguments) == built


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("SetDefaultKey", ("t0x",), "SetDefaultKey: address: actor id 'x'"),
        ("SignBytes", (str(ACCOUNT), "zz"), "SignBytes: data: non-hexadecimal"),
        ("AddMessage", ("message=a0", "local=true"), "AddMessage"),
        ("MineOnce", ("many",), "expected int, got str"),
        ("SignBytes", (), "needs address, data"),
    ],
)
def test_what_cannot_be_a_field_is_refused(name, arguments, error):
    with pytest.raises(MessageError, match=error):
        build_message(name, arguments)


def test_an_unknown_message_names_those_near_it():
    with pytest.raises(UnknownMessageError, match="'SignByte' is not declared in this process; near it SignBytes"):
        build_message("SignByte", ())
    with pytest.raises(UnknownMessageError, match=r"'Qqqqqqqqq' is not declared in this process$"):
        build_message("Qqqqqqqqq", ())
