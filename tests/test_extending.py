"""The recipes of docs/extending.md, as written: their code is put into a copy of the tree; each result is seen."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import thespis

from tests.test_tidy import ROOT

pytestmark = pytest.mark.slow
PAGE = ROOT / "docs" / "extending.md"
WAIT_S = 240
KEY = "mpool.announce_again"
STEP = re.compile(
    r"^(?P<how>New file|At the end of|In) `(?P<path>[^`]+)`(?:, (?P<where>below|instead of) `(?P<line>[^`]+)`)?:\n\n"
    r"```python\n(?P<code>.*?)^```",
    re.S | re.M,
)


def steps(title):
    """What one recipe says to type: where, and the code."""
    [section] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.S | re.M)
    found = list(STEP.finditer(section))
    assert len(found) == section.count("```python"), "a block of code of which the page does not say where it goes"
    return found


def follow(package, title):
    """Type a recipe into a copy."""
    for step in steps(title):
        path, code = package / step["path"], step["code"]
        if step["how"] == "New file":
            assert not path.exists(), path
            path.parent.mkdir(exist_ok=True)
            path.write_text(code)
            continue
        text = path.read_text()
        if step["how"] == "At the end of":
            definition = code.startswith(("@", "def ", "class "))
            path.write_text(text + ("\n\n" if definition else "") + code)
            continue
        lines = text.splitlines(keepends=True)
        [at] = [number for number, line in enumerate(lines) if line.strip() == step["line"]]
        lines[at : at + 1] = [code] if step["where"] == "instead of" else [lines[at], code]
        path.write_text("".join(lines))


RECIPES = ("An RPC method", "A subsystem", "A method of an on-chain actor", "A command", "A setting")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree with every recipe followed, laid out as an installation lays it."""
    root = tmp_path_factory.mktemp("extended")
    package = root / "thespis"
    shutil.copytree(ROOT / "deploy" / "package", package)
    for floor in ("actors", "protocols", "runtime", "deploy"):
        shutil.copytree(ROOT / floor, package / floor, ignore=shutil.ignore_patterns("__pycache__", "package"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for title in RECIPES:
        follow(package, title)
    return root


def ran(copy, *command, check=True, **more):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("THESPIS_")}
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=copy,
        env=environment | {"PYTHONPATH": str(copy), "MYPYPATH": str(copy)} | more,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def command(copy, *words, **more):
    return ran(copy, "-m", "thespis.deploy.cli.main", *words, **more)


# compiled kernels are kept by the place of their source: these are the checkout's, and all the rest is the copy's
COMPILED = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location(
    "thespis.protocols.proofs", {str(Path(thespis.__file__).parent / "protocols" / "proofs" / "__init__.py")!r}
)
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[spec.name])
"""


@pytest.fixture(scope="module")
def node(copy):
    """What a simulated node of the copy answers."""
    script = COMPILED + textwrap.dedent(
        """
        import json
        from thespis.actors.messages.watchman import CountReorganisations
        from thespis.actors.simulation.network import SimulatedFilecoin

        network = SimulatedFilecoin(3, nodes=1, miners=1)
        network.run_to_genesis()
        network.run_epochs(3)
        account = str(network.identities[0].account)
        called = network.rpc(0, "StateCall", {"From": account, "To": account, "Value": "0", "Method": 3}, [])
        found = {
            "height": network.head(0).height,
            "age_s": network.rpc(0, "Thespis.HeadAge"),
            "reorganisations": network.node(0).ask(CountReorganisations(1)),
            "watchman": network.node(0).row("Watchman").state.value,
            "exit_code": called["MsgRct"]["ExitCode"],
            "returned": called["MsgRct"]["Return"],
            "balance": network.rpc(0, "WalletBalance", account),
        }
        network.node(0).crash("Watchman")
        network.run_epochs(2)
        found["incarnation"] = network.node(0).row("Watchman").incarnation
        network.close()
        print(json.dumps(found))
        """
    )
    return json.loads(ran(copy, "-c", script).splitlines()[-1])


def test_the_recipes_pass_the_type_checker_and_the_linter(copy):
    changed = sorted({step["path"] for title in RECIPES for step in steps(title)})
    modules = ["thespis." + path.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in changed]
    ran(copy, "-m", "mypy", "--cache-dir", os.devnull, *(f"--module={module}" for module in modules))
    as_in_a_checkout = ("--config", "lint.isort.known-third-party=['thespis']")
    ran(copy, "-m", "ruff", "check", "--no-cache", *as_in_a_checkout, *(Path("thespis") / path for path in changed))


def test_an_rpc_method_answers(node):
    assert node["height"] > 0
    assert 0 <= node["age_s"] < 5


def test_a_subsystem_answers_and_is_supervised(node):
    assert node["reorganisations"] == 0
    assert node["watchman"] == "running"
    assert node["incarnation"] == 2


def test_a_node_whose_plan_forgets_the_subsystem_does_not_start(copy):
    script = textwrap.dedent(
        """
        import dataclasses
        from thespis.actors.node.actor import FilecoinNode

        plan = FilecoinNode.plan
        plan.check()
        dataclasses.replace(plan, children=tuple(c for c in plan.children if c.name != "Watchman")).check()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True
    )
    assert "CountReorganisations is for Watchman, and no child of that role takes it" in done.stderr


def test_a_method_of_an_on_chain_actor_is_called(node):
    import base64

    from thespis.protocols.builtin.methods import BIG_INTEGER

    assert node["exit_code"] == 0
    assert BIG_INTEGER.decode(base64.b64decode(node["returned"])) == int(node["balance"])


def test_a_command_is_listed_and_asks_the_node(copy):
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class OneAnswer(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": 1.25}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            asked.append(request["method"])

        def log_message(self, *_arguments):
            pass

    asked = []
    assert re.search(r"head-age +Print how old the head is", command(copy, "--help"))
    with HTTPServer(("127.0.0.1", 0), OneAnswer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        api = f"/ip4/127.0.0.1/tcp/{server.server_port}/http"
        assert command(copy, "head-age", FULLNODE_API_INFO=api) == "1.2 s\n"
        assert json.loads(command(copy, "head-age", "--json", FULLNODE_API_INFO=api)) == 1.25
        server.shutdown()
    assert asked == ["Thespis.HeadAge"] * 2


def test_thespis_tell_knows_the_new_question(copy):
    assert "CountReorganisations(tipsets: int) -> int" in command(copy, "tell", "--list", "Watchman")


def test_a_setting_is_shown_changed_and_given_to_its_subsystem(copy, tmp_path):
    home = tmp_path / "home"
    command(copy, "--home", home, "init")
    assert command(copy, "--home", home, "config", "get", KEY).strip() == "true"
    command(copy, "--home", home, "config", "set", KEY, "false")
    assert command(copy, "--home", home, "config", "get", KEY).strip() == "false"
    script = (
        "import sys; from pathlib import Path; from thespis.deploy.nodes import SETTINGS, node_settings\n"
        "home = Path(sys.argv[1]); settings = node_settings(home, SETTINGS.load(home / 'config.toml'))\n"
        "print(settings.msg_pool.announce_again)"
    )
    assert ran(copy, "-c", script, home).strip() == "False"
    refused = [sys.executable, "-m", "thespis.deploy.cli.main", "--home", home, "config", "set", KEY, "7"]
    done = subprocess.run(refused, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True)
    assert (done.returncode, "must be true or false" in done.stderr) == (1, True)
