"""Which rules of the builtin actors ran: every method, branch, operand and refusal is counted where it stands.

Modules are read through `install` before anybody imports them; each place in them then notes that it was reached. A
place is named by file, function, what it decides upon and how it came out, so that it keeps its name when lines move.
"""

import ast
import importlib.abc
import importlib.machinery
import sys
from pathlib import PurePath
from typing import NamedTuple

PACKAGE = "thespis.protocols.builtin."
NO_RULES = ("queries", "invariants", "states", "registry")
"""Modules that look at states from outside: no message runs them."""
REFUSALS = {"check", "require_success", "validate_caller", "validate_caller_kind", "checked"}
"""Calls that end the message unless something holds."""
ABORTS = {"abort"}
LIFTED = {"failing_as"}
"""Blocks whose faults get an exit code."""


class Place(NamedTuple):
    """One outcome of one decision; the line is where it stands now and no part of its name."""

    path: str
    function: str
    line: int
    text: str
    outcome: str


class Rules:
    """The places of all modules that were read, and those that were reached since someone began to count."""

    def __init__(self):
        self.places, self.reached = [], set()

    def add(self, place):
        self.places.append(place)
        return len(self.places) - 1

    def hit(self, number):
        """Note that a place was reached; false, so that it can stand before an expression and an `or`."""
        self.reached.add(number)
        return False

    def came_out(self, number, value):
        """Note how a condition came out: its place, or the one after it."""
        self.reached.add(number if value else number + 1)
        return value

    def counted(self):
        """What was reached since this was asked last."""
        found, self.reached = self.reached, set()
        return found


RULES = Rules()


class Places(ast.NodeTransformer):
    """Puts the counting into a module's functions."""

    def __init__(self, path, source):
        self._path, self._source, self._within = path, source, []

    def _place(self, node, text, outcome):
        return RULES.add(Place(self._path, ".".join(self._within), node.lineno, " ".join(text.split()), outcome))

    def _said(self, node):
        return ast.get_source_segment(self._source, node) or ""

    def _hit(self, node, text, outcome):
        call = ast.parse(f"_rules.hit({self._place(node, text, outcome)})").body[0]
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def _came_out(self, node, value):
        text = self._said(node)
        first = self._place(node, text, "holds")
        self._place(node, text, "does not")
        call = ast.parse(f"_rules.came_out({first}, None)", mode="eval").body
        call.args[1] = value
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_ClassDef(self, node):
        return self._named(node)

    def visit_FunctionDef(self, node):
        if all(
            isinstance(each, ast.Expr | ast.Raise) and not _calls(getattr(each, "value", None), REFUSALS | ABORTS)
            for each in node.body
        ):
            return node  # only says what others do
        hit = self._hit(node, node.name, "runs")
        self._named(node)
        documented = ast.get_docstring(node, clean=False) is not None
        node.body.insert(int(documented), hit)
        return node

    def _named(self, node):
        self._within.append(node.name)
        decorators, node.body = node.decorator_list, [self.visit(each) for each in node.body]
        node.decorator_list = decorators
        self._within.pop()
        return node

    def visit_If(self, node):
        if not self._within or "TYPE_CHECKING" in self._said(node.test):
            return node
        text = self._said(node.test)
        yes, no = self._hit(node.test, text, "holds"), self._hit(node.test, text, "does not")
        self.generic_visit(node)
        node.body.insert(0, yes)
        node.orelse.insert(0, no)
        return node

    def visit_IfExp(self, node):
        text = self._said(node.test)
        yes, no = (self._hit(node, text, outcome).value for outcome in ("holds", "does not"))
        self.generic_visit(node)
        node.body, node.orelse = (
            ast.copy_location(ast.BoolOp(ast.Or(), [hit, value]), node)
            for hit, value in ((yes, node.body), (no, node.orelse))
        )
        return ast.fix_missing_locations(node)

    def visit_BoolOp(self, node):
        *others, last = node.values
        counted = [self._came_out(value, self.visit(value)) for value in others]
        # what stands in for nothing, as in `found or NOTHING`, decides nothing
        decides = isinstance(last, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Call | ast.Attribute)
        node.values = [*counted, self._came_out(last, self.visit(last)) if decides else self.visit(last)]
        return node

    def visit_comprehension(self, node):
        self.generic_visit(node)
        if not self._within:
            return node
        node.ifs = [self._came_out(each, each) for each in node.ifs]
        return node

    def _loop(self, node):
        hit = self._hit(node, self._said(node).split(":")[0], "goes round")
        self.generic_visit(node)
        node.body.insert(0, hit)
        return node

    visit_For = visit_While = _loop

    def visit_ExceptHandler(self, node):
        hit = self._hit(node, self._said(node).split(":")[0], "catches")
        self.generic_visit(node)
        node.body.insert(0, hit)
        return node

    def visit_Expr(self, node):
        return self._raising(node, self._said(node)) if _calls(node.value, REFUSALS) else self.generic_visit(node)

    def visit_With(self, node):
        item = node.items[0].context_expr
        return (
            self._raising(node, self._said(item), passing=False) if _calls(item, LIFTED) else self.generic_visit(node)
        )

    def _raising(self, node, text, *, passing=True):
        """The statement, and whether it let the message go on; a block may leave by returning, which is not counted."""
        fails = self._hit(node, text, "refuses")
        passes = [self._hit(node, text, "lets on")] if passing else []
        self.generic_visit(node)
        handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [fails, ast.Raise()])
        return ast.fix_missing_locations(ast.copy_location(ast.Try([node], [handler], passes, []), node))


def _calls(node, names):
    """Whether an expression is the call of a method with one of these names."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


class Counted(importlib.machinery.SourceFileLoader):
    """Reads a module with the counting in it, and leaves no compiled file."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        source = self.get_data(path).decode()
        short = str(PurePath(*PurePath(path).parts[PurePath(path).parts.index("builtin") + 1 :]))
        tree = Places(short, source).visit(ast.parse(source))
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module):
        module.__dict__["_rules"] = RULES
        super().exec_module(module)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the actors' modules where they are."""

    def find_spec(self, fullname, path, target=None):
        if not fullname.startswith(PACKAGE) or fullname.removeprefix(PACKAGE).split(".")[0] in NO_RULES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = Counted(fullname, spec.origin)
        return spec


def install():
    """Count from now on; modules that are there already would go uncounted."""
    early = [name for name in sys.modules if name.startswith(PACKAGE)]
    if early:
        raise RuntimeError(f"{early[0]} was imported before anybody counted")
    sys.meta_path.insert(0, Finder())
    return RULES
