"""Every command with every argument as nobody should write it: an error that names it, and never a traceback."""

import time
from pathlib import Path

import click
import pytest
from thespis.deploy.cli.main import cli, run
from thespis.deploy.cli.parameters import (
    INTEGER_MAX,
    SECONDS_MAX,
    AttoFil,
    CidText,
    Count,
    Digest,
    Fil,
    FilAddress,
    Hexadecimals,
    Natural,
    Seconds,
    Size,
)
from thespis.deploy.devnet.fleet import Fleet
from thespis.deploy.devnet.plan import DevnetPlan
from thespis.deploy.rpc import RpcClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PARSED_ONLY = (
    "bench", "daemon", "demo", "devnet", "faucet", "sim", "ping", "state wait-msg", "sync wait", "mpool ls",
)  # fmt: skip
"""Commands that run, wait or measure as long as they are told: what they are given has to be refused before."""
HUGE, LONG_CHARACTERS = str(10**40), 4000
GENESIS_CID = "bafy2bzacecnamqgqmifpluoeldx7zzglxcljo6oja4vrmtj7432rphldpdmm2"
PATHS = ("MISSING", "FOLDER", "GARBAGE", "EMPTY", "DANGLING")
"""Stand for: a file in no folder, a folder, a file of garbage, an empty one, a link to nothing."""
HOSTILE = (
    "", "zz", "-1", "nan", "1e400", HUGE, "-" + HUGE, "[/red]", "é", "x" * 5000, "f1nonsense",
    "f099999999999999999999",    "bafynonsense", "1.2.3.4:5", *PATHS,
)  # fmt: skip


def commands(group=cli, path=()):
    """Every command of the tree that has arguments, with the names that lead to it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        if any(wants_value(each) for each in command.params):
            yield (*path, name), command


def wants_value(parameter):
    return not getattr(parameter, "is_flag", False) and parameter.name != "help"


ALL = dict(commands())


def test_the_tree_is_walked_to_its_ends():
    assert len(ALL) > 60
    assert {("devnet",), ("devnet", "kill"), ("wallet", "sign"), ("genesis", "new"), ("chain", "export")} <= set(ALL)


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        (Natural, ["0", str(INTEGER_MAX)], ["-1", str(INTEGER_MAX + 1), "1.0", "", "１2", "0x1"]),
        (Count, ["1"], ["0"]),
        (Seconds, ["0", "0.5", str(SECONDS_MAX)], ["-0.1", str(SECONDS_MAX + 1), "nan", "inf", "1e400", "x"]),
        (Hexadecimals, ["", "00ff"], ["0", "zz", "0x00"]),
        (Digest, ["00" * 32], ["00" * 31, "00" * 33, ""]),
        (Fil, ["0", "1.5", "3 attofil"], ["-1", "1.5.5", "", "1e3"]),
        (AttoFil, ["0", "9" * 30], ["-1", "1.5", ""]),
        (Size, ["2KiB", "7"], ["2KB", "-1", ""]),
        (CidText, [GENESIS_CID], [GENESIS_CID[:-1], "", "bafy"]),
        (FilAddress, ["f01000", ""], ["f0", "x", "f1e7nfpd7bowaifazzafo6q2ewattwpr6j5kt32yx"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_kinds_of_arguments_to_their_bounds(kind, taken, refused):
    for text in taken:
        kind.convert(text, None, None)
    for text in refused:
        with pytest.raises(click.BadParameter) as caught:
            kind.convert(text, None, None)
        assert repr(text)[:40] in str(caught.value) or not text


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A node that answers, and files of every bad kind."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "garbage").write_bytes(bytes(range(256)) * 7)
    (folder / "empty").touch()
    (folder / "dangling").symlink_to(folder / "no" / "where")
    plan = DevnetPlan.make(
        folder / "net", seed=1, nodes=1, miners=1, block_time_s=1, base_port=0, genesis_time_s=int(time.time())
    )
    plan.home.mkdir()
    plan.write()
    with Fleet(plan) as fleet:
        fleet.wait_ready()
        [node] = plan.nodes
        with RpcClient.of_home(node.home) as client:
            head = client.call("ChainHead")["Cids"][0]["/"]
        yield {
            "home": str(node.home), "folder": folder, "address": str(node.account.address), "cid": head,
            "peer": node.peer_id,
            "MISSING": "/proc/no/file", "FOLDER": str(folder), "GARBAGE": str(folder / "garbage"),
            "EMPTY": str(folder / "empty"), "DANGLING": str(folder / "dangling"),
        }  # fmt: skip


def sound(parameter, world):
    """A value that a parameter may have."""
    name = parameter.name
    if isinstance(parameter.type, click.Choice):
        return parameter.type.choices[0]
    if isinstance(parameter.type, click.File | click.Path):
        return world["GARBAGE"] if name in ("source", "file", "genesis") else str(world["folder"] / f"new-{name}")
    if parameter.type.name == "hex":
        return "00" * 32
    known = {"cid": "cid", "cids": "cid", "path": "cid", "key": "cid", "peer": "peer"}
    if name in known:
        return world[known[name]]
    if parameter.type.name in ("integer", "fil", "attofil", "seconds", "size", "float"):
        return "1"
    if name in ("address", "target", "receiver", "miner", "sender"):
        return world["address"]
    return "nobody"


def invocations(command, world):
    """The arguments with each parameter in turn hostile in every way, and what was hostile."""
    for chosen in filter(wants_value, command.params):
        for value in HOSTILE:
            value = world.get(value, value)
            arguments, after = [], []
            for each in filter(wants_value, command.params):
                given = value if each is chosen else sound(each, world)
                if isinstance(each, click.Argument):
                    after.append(given)
                elif each is chosen or each.required:
                    arguments += [max(each.opts, key=len), given]
            yield chosen, value, [*arguments, "--", *after]


def is_parsed_only(path):
    return any(path[: len(each.split())] == tuple(each.split()) for each in PARSED_ONLY) and path[:2] not in (
        ("devnet", "kill"), ("devnet", "stop"), ("devnet", "start"), ("devnet", "partition"),
    )  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_hostile_argument_is_an_error_that_names_it(path, world, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(world["folder"] / "cache"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    command = ALL[path]
    for chosen, value, arguments in invocations(command, world):
        if is_parsed_only(path):
            try:
                command.make_context(path[-1], list(arguments))
                code = 0
            except click.ClickException as error:
                code, said = error.exit_code, error.format_message()
        else:
            code = run(["--home", world["home"], *path, *arguments])
            said = capsys.readouterr().err
        assert code in (0, 1, 2), (path, chosen.name, value)
        if code:
            names = [value[:20], chosen.name, *chosen.opts, chosen.human_readable_name, *arguments, world["home"]]
            if value == world["MISSING"]:
                names.append(str(Path(value).parent))
            if len(value) > LONG_CHARACTERS:
                names.append("characters")  # how many, for so many are no name
            assert "Traceback" not in said
            assert said.strip(), (path, chosen.name, value)
            known = any(name and name.lower() in said.lower() for name in names)
            assert known or not value, f"{' '.join(path)} {chosen.name}={value!r:.60}: {said}"
