"""The house rules that a linter does not know: lengths, docstrings, and where clocks and randomness may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("actors", "protocols", "runtime", "deploy")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
MEDIAN_FILE_LINES_MAX = 150
TOP_LEVEL = {
    "pyproject.toml", "README.md", "ARCHITECTURE.md", "LICENSE", "Makefile", "requirements.lock", ".ci", ".gitignore",
    "actors", "protocols", "runtime", "tests", "deploy", "docs",
}  # fmt: skip

# what runs in a simulation takes time, chance and I/O from its environment
WORLDLY = {"time", "random", "secrets", "threading", "socket", "asyncio", "subprocess", "multiprocessing", "datetime"}
ALLOWED = {
    ("protocols/encoding/cbor.py", "datetime"): "names the type only to refuse it",
    ("protocols/remembered.py", "threading"): "a lock, for the Api's threads read what others remember; starts nothing",
}


def tree(path):
    return ast.parse(path.read_text(), str(path))


def functions(path):
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_lengths(path):
    lines = len(path.read_text().splitlines())
    assert lines <= FILE_LINES_MAX, f"{lines} lines: two rooms"
    for function in functions(path):
        length = function.end_lineno - function.lineno + 1
        assert length <= FUNCTION_LINES_MAX, f"{function.name} has {length} lines"


def test_the_median_file_is_short():
    lengths = sorted(len(path.read_text().splitlines()) for path in SOURCES)
    assert lengths[len(lengths) // 2] <= MEDIAN_FILE_LINES_MAX


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_docstrings(path):
    module = tree(path)
    assert ast.get_docstring(module), "the module says nothing of itself"

    def check(node, inside):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                public = not child.name.startswith("_")
                signature_only = any(ast.unparse(each) == "overload" for each in child.decorator_list)
                if public and not inside and not signature_only:
                    assert ast.get_docstring(child), f"{child.name} has no docstring"
                check(child, inside or not public or not isinstance(child, ast.ClassDef))

    check(module, inside=False)


@pytest.mark.parametrize("path", [path for path in SOURCES if name(path).startswith(("actors", "protocols"))], ids=name)
def test_no_clock_randomness_or_io_above_the_runtime(path):
    for node in ast.walk(tree(path)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module]
        for module in modules:
            top = module.partition(".")[0]
            assert top not in WORLDLY or (name(path), top) in ALLOWED, f"imports {module}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr != "urandom"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_unfinished(path):
    text = path.read_text()
    for word in ("TODO", "FIXME", "XXX", "HACK"):
        assert word not in text
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec")
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert "pickle" not in names


def test_top_level():
    import subprocess

    ran = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:
        pytest.skip("not a git checkout")
    assert set(ran.stdout.split()) <= TOP_LEVEL


def test_the_lock_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    assert "http://" not in text
    assert "https://" not in text
    assert "file:" not in text
    assert "--index-url" not in text


def test_every_dependency_has_its_reason():
    import re
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    reasons = (ROOT / "docs" / "dependencies.md").read_text()
    listed = project["dependencies"] + project["optional-dependencies"]["dev"]
    for requirement in listed:
        package = re.match(r"[A-Za-z0-9-]+", requirement)[0]
        assert f"| {package} |" in reasons, f"docs/dependencies.md says nothing of {package}"


def test_tests_stand_in_the_folder_of_what_they_test():
    """A folder of tests below a floor's has the name of a folder there, one for each subsystem."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    assert [str(each) for each in sorted(folders) if each.parts[:1] and each.parts[0] in PACKAGES
            and not (ROOT / each / "__init__.py").is_file()] == []  # fmt: skip


# -- bounds --------------------------------------------------------------------------------------------------

BOUND_SUFFIXES = ("_MAX", "_MIN")


def module_constants(path):
    """Names that a module gives a value at its top, one by one where a tuple of them gets values."""
    for node in tree(path).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            for name_node in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(name_node, ast.Name):
                    yield name_node.id


def named_and_imported(path):
    """Every name and text of a test module, and the modules that it imports."""
    words, modules = set(), set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.add(node.value.rpartition(".")[2])
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            words |= {alias.name for alias in node.names}
    return words, modules


def test_every_bound_is_named_in_a_test():
    """A bound that no test reaches may be moved by anyone unseen; the test imports the module that sets it."""
    tests = [named_and_imported(path) for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    missing = []
    for path in SOURCES:
        module = ".".join(("thespis", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        for constant in module_constants(path):
            if constant.endswith(BOUND_SUFFIXES) and not any(
                constant in words and module in modules for words, modules in tests
            ):
                missing.append(f"{name(path)}: {constant}")
    assert missing == []


# -- properties ----------------------------------------------------------------------------------------------


def test_properties_leave_time_to_the_profile_and_can_be_fuzzed():
    """No deadline of its own, and a number of examples that `make fuzz` can raise (tests/properties.py)."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "settings":
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert "deadline" not in given, f"{name(path)}:{node.lineno}"
                assert given.get("max_examples", "examples(").startswith("examples("), f"{name(path)}:{node.lineno}"
