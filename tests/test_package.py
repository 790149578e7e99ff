"""The wheel alone, in an environment of its own: what users get, beside a project with folders of the same names."""

import re
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from pathlib import Path

import pytest
import thespis

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
FLOORS = {"actors", "protocols", "runtime", "deploy"}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}
WAIT_S = 240

OWN_PROJECT = {
    "actors/__init__.py": "",
    "actors/stage.py": "CAST = 3\n",
    "runtime/__init__.py": "",
    "runtime/film.py": "MINUTES = 90\n",
    "tests/test_own.py": """
        from actors.stage import CAST
        from runtime.film import MINUTES


        def test_own_folders():
            assert (CAST, MINUTES) == (3, 90)


        def test_clock(virtual_clock):
            virtual_clock.advance(5.0)
            assert virtual_clock.monotonic_s() == 5.0
    """,
}


def ran(*command, cwd, **more):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=ENVIRONMENT | more, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    ran(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index",
        "--no-build-isolation", "--wheel-dir", folder, ROOT, cwd=folder,
    )  # fmt: skip
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of commands of an environment with the wheel and its dependencies, and no way to the checkout."""
    home = tmp_path_factory.mktemp("environment")
    libraries = home / "libraries"
    libraries.mkdir()
    for site in (Path(entry) for entry in sys.path if entry.endswith("-packages")):
        for package in site.iterdir():
            link = libraries / package.name
            if not (package.name.startswith(("thespis", "__")) or package.suffix == ".pth" or link.exists()):
                link.symlink_to(package)
    ran(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    purelib = sysconfig.get_path("purelib", "venv", {"base": str(home / "venv")})
    Path(purelib, "libraries.pth").write_text(f"{libraries}\n")
    ran(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--no-index", "--no-compile", wheel, cwd=home,
    )  # fmt: skip
    return python.parent


@pytest.fixture
def project(tmp_path):
    """A small project that has folders named as ours are."""
    for name, text in OWN_PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    return tmp_path


def readme_example():
    """The test of the README's section on the plugin, as it stands there."""
    [section] = re.findall(r"^## Testing with it\n(.*?)^## ", (ROOT / "README.md").read_text(), re.S | re.M)
    [code] = re.findall(r"^```python\n(.*?)^```", section, re.S | re.M)
    return code


def test_the_wheel_takes_one_name(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    metadata = f"thespis-{thespis.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"thespis", metadata}
    assert {name.split("/")[1] for name in names if name.startswith("thespis/")} == FLOORS | {"__init__.py", "py.typed"}
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_wheel_has_every_module_of_the_checkout(wheel):
    sources = {
        f"thespis/{path.relative_to(ROOT)}"
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        if path.parent != ROOT / "deploy" / "package" and path != ROOT / "deploy" / "build_hook.py"
    } | {"thespis/__init__.py"}
    assert {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")} == sources


def test_it_is_imported_from_the_wheel_alone(installed, tmp_path):
    script = (
        "import importlib.metadata, sys, thespis, thespis.protocols.encoding.cid\n"
        "print(thespis.__version__, importlib.metadata.version('thespis'), thespis.__file__, *sys.path, sep='\\n')"
    )
    version, recorded, file, *path = ran(installed / "python", "-c", script, cwd=tmp_path).splitlines()
    assert version == recorded == thespis.__version__
    assert Path(file).is_relative_to(installed.parent)
    assert not [entry for entry in path if entry and Path(entry).is_relative_to(ROOT)]
    assert Path(file).with_name("py.typed").exists()


def test_the_command_computes_a_piece_commitment(installed, tmp_path):
    from thespis.protocols.proofs.piece import commitment

    data = bytes(range(256)) * 40
    (tmp_path / "piece").write_bytes(data)
    quickly = {"NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}  # half the time to compile the kernels anew
    assert str(commitment(data).cid) in ran(installed / "thespis", "commp", "piece", cwd=tmp_path, **quickly)
    assert ran(installed / "thespis", "version", cwd=tmp_path).strip().endswith(thespis.__version__)


def test_a_project_with_folders_of_our_names_runs_pytest(installed, project):
    (project / "tests" / "test_readme.py").write_text(readme_example())
    printed = ran(installed / "python", "-m", "pytest", "-v", "-p", "no:cacheprovider", cwd=project)
    assert f"thespis-{thespis.__version__}" in printed  # by its entry point, among the plugins
    assert re.search(r"test_own.py::test_own_folders PASSED", printed)
    assert re.search(r"test_readme.py::test_a_killed_subsystem_comes_back PASSED", printed)
    assert "3 passed" in printed


def test_the_plugin_imports_nothing_before_a_fixture_is_used(installed, project):
    (project / "conftest.py").write_text(
        "import sys\n\n"
        "def pytest_unconfigure(config):\n"
        "    print('LOADED', *sorted(name for name in sys.modules if name.partition('.')[0] == 'thespis'))\n"
    )
    printed = ran(installed / "python", "-m", "pytest", "-q", "-k", "own_folders", cwd=project)
    [loaded] = [line for line in printed.splitlines() if line.startswith("LOADED")]
    assert loaded == "LOADED thespis thespis.actors thespis.actors.pytest_plugin"
