"""The table of everything that the subsystems of a node say to each other, made from the messages' declarations.

It feeds ``thespis tell --list``, the completion of ``thespis tell`` and docs/messages.md, which ``make message-docs``
writes: ``python -m thespis.deploy.messages``.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from dataclasses import dataclass

from thespis.runtime.actor.conversation import Ask, Event, Role, Signal, Tell
from thespis.runtime.actor.message import REGISTRY

MESSAGES = "thespis.actors.messages"
TIMES = ((86400, "d"), (3600, "h"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One declared message: its role, its fields as ``name: type``, and of a question what comes back."""

    name: str
    kind: str
    role: Role | None
    fields: tuple[str, ...]
    answer: str
    errors: tuple[str, ...]
    within: str
    text: str

    def signature(self) -> str:
        """The message as a person reads it: ``Name(field: type) -> answer``."""
        answer = f" -> {self.answer}" if self.answer else ""
        return f"{self.name}({', '.join(self.fields)}){answer}"


def entries() -> tuple[Entry, ...]:
    """Every message that a module of `thespis.actors.messages` declares, by role and name; records come last."""
    package = importlib.import_module(MESSAGES)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{MESSAGES}.{module.name}")
    declared = (kind for kind in REGISTRY.declared() if kind.__module__.startswith(f"{MESSAGES}."))
    found = [_entry(kind) for kind in declared if not issubclass(kind, Signal)]
    return tuple(sorted(found, key=lambda entry: (entry.role is None, entry.role.name if entry.role else "")))


def spoken(role: str = "") -> tuple[Entry, ...]:
    """What a person may ask or tell, of one role or, without a name, of all."""
    return tuple(
        entry
        for entry in entries()
        if entry.kind in ("ask", "tell")
        and entry.role
        and (not role or role == entry.role.name or entry.role.is_held_by(role))
    )


def holders(role: Role) -> tuple[str, ...]:
    """The names under which a role is spoken to."""
    return tuple(role.holder(member) for member in range(1, role.members_max + 1)) or (role.name,)


def _entry(kind: type) -> Entry:
    fields = tuple(f"{field.name}: {_type(field.type)}{_default(field)}" for field in dataclasses.fields(kind))
    text = " ".join((inspect.getdoc(kind) or "").split())
    if issubclass(kind, Ask):
        within = _time(kind.within_s) if kind.wait_s is Ask.wait_s else "its own limit"
        errors = tuple(error.__name__ for error in kind.raises)
        return Entry(kind.__name__, "ask", kind.addressee, fields, _type(kind.reply_hint), errors, within, text)
    if issubclass(kind, Tell):
        return Entry(kind.__name__, "tell", kind.addressee, fields, "", (), "", text)
    if issubclass(kind, Event):
        return Entry(kind.__name__, "event", kind.publisher, fields, "", (), "", text)
    return Entry(kind.__name__, "record", None, fields, "", (), "", text)


def _type(hint: object) -> str:
    """An annotation without the modules of its names."""
    if hint is type(None):
        return "None"
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    return re.sub(r"(?:\w+\.)+(?=\w)", "", text)


def _default(field: dataclasses.Field[object]) -> str:
    return "" if field.default is dataclasses.MISSING else f" = {_shown(field.default)}"


def _shown(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if hasattr(value, "name") else repr(value)


def _time(seconds: float) -> str:
    size, unit = next((size, unit) for size, unit in TIMES if seconds >= size and seconds % size == 0)
    return f"{seconds / size:g} {unit}"


# -- docs/messages.md ----------------------------------------------------------------------------------------

HEAD = """\
# Messages

What the subsystems of a node say to each other, made from the declarations in `actors/messages/` by `make
message-docs`. A question is *asked* and answered, by its role, within its time; a notice is *told* and not answered; an
event is published and routed to every subsystem that handles it. How a message is declared: docs/extending.md.
"""


def page() -> str:
    """docs/messages.md whole: by role what it is asked, is told and publishes, then the records that stand in those."""
    from thespis.actors.node.actor import FilecoinNode

    found = entries()
    subscribers = {
        kind.__name__: ", ".join(FilecoinNode.plan.subscribers(kind))
        for kind in REGISTRY.declared()
        if issubclass(kind, Event)
    }
    parts = [HEAD]
    for role in dict.fromkeys(entry.role for entry in found if entry.role):
        parts.append(f"## {role.name}" + (f" (1 to {role.members_max})" if role.members_max else "") + "\n")
        parts += [_item(entry, subscribers) for entry in found if entry.role is role] + [""]
    parts.append("## Records\n\nWhat stands in the fields and the answers above.\n")
    parts += [_item(entry, subscribers) for entry in found if entry.role is None]
    return "\n".join(parts) + "\n"


def _item(entry: Entry, subscribers: dict[str, str]) -> str:
    notes = {
        "ask": f"Asked; within {entry.within}" + (f"; raises {', '.join(entry.errors)}" if entry.errors else ""),
        "tell": "Told",
        "event": f"Published; heard by {subscribers.get(entry.name) or 'nobody'}",
        "record": "",
    }
    note = f" *{notes[entry.kind]}.*" if notes[entry.kind] else ""
    return f"- `{entry.signature()}`\\\n  {entry.text}{note}"


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())
