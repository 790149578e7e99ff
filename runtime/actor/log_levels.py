"""What is written to the log, for the whole node: decided at the supervisor, held by every process below it.

A level is set for everything, for one role (all that its process writes) or for one logger, which in each process is
the module of that name. The process that runs the root of the tree (`thespis.deploy.launcher`) is no actor, is sent
nothing, and keeps the level that it was started with.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import thespis
from thespis.runtime.actor.conversation import SUPERVISOR, Ask
from thespis.runtime.actor.message import message
from thespis.runtime.errors import RuntimeFloorError

LEVELS = {
    "debug": "DEBUG",
    "info": "INFO",
    "warn": "WARNING",
    "warning": "WARNING",
    "error": "ERROR",
    "critical": "CRITICAL",
}
"""What a person may say, and what Python's logging calls it."""
EVERYTHING = "*"
PACKAGE = "thespis"
LEVELS_MAX = 100
"""Levels that a node remembers; one for everything forgets all others."""


class LogLevelError(RuntimeFloorError):
    """No such level, nothing of that name writes to the log, or too many levels are remembered."""


@message
class LogLevel:
    """The level of one logger; in the process of one role, or in all of them where `role` is empty.

    An empty `logger` is the root, whose level holds for all that have none of their own.
    """

    role: str
    logger: str
    level: str


@message
class LogLevels:
    """Every level that was set since the node started, oldest first; a version older than the one known is ignored."""

    version: int
    levels: tuple[LogLevel, ...]

    def of(self, role: str) -> tuple[tuple[str, str], ...]:
        """Loggers and their levels in the process of a role; of two for one logger the later holds."""
        return tuple((each.logger, each.level) for each in self.levels if each.role in ("", role))


NO_LEVELS = LogLevels(0, ())


@message
class SetLogLevel(Ask[None], to=SUPERVISOR, raises=(LogLevelError,)):
    """Change what every process of the node writes, now and in its later incarnations.

    `name` is ``*``, a role, or a logger with or without ``thespis.`` before it; `level` is one of `LEVELS`.
    """

    name: str
    level: str


def changed(known: LogLevels, order: SetLogLevel, roles: Sequence[str]) -> LogLevels:
    """The levels after an order; raises LogLevelError, which names the choices.

    A level for everything takes the place of all that were set before, as in Lotus; any other takes the place of the
    former one of its name.
    """
    level = LEVELS.get(order.level.lower())
    if level is None:
        raise LogLevelError(f"no level {order.level[:80]!r}; they are {', '.join(LEVELS)}")
    role, logger = _target(order.name, roles)
    kept = tuple(each for each in known.levels if (role or logger) and (each.role, each.logger) != (role, logger))
    if len(kept) >= LEVELS_MAX:
        raise LogLevelError(f"{LEVELS_MAX} levels are set; setting one for {EVERYTHING!r} forgets them")
    return LogLevels(known.version + 1, (*kept, LogLevel(role, logger, level)))


def _target(name: str, roles: Sequence[str]) -> tuple[str, str]:
    """The role and the logger that a name stands for, both empty for everything."""
    if name == EVERYTHING:
        return "", ""
    if name in roles:
        return name, ""
    for logger in (name, f"{PACKAGE}.{name}"):
        if logger in logging.Logger.manager.loggerDict or _is_module(logger):
            return "", logger
    raise LogLevelError(
        f"nothing called {name[:80]!r} writes to the log; choose {EVERYTHING!r}, a role ({', '.join(roles)}) "
        f"or a module such as {__name__}"
    )


def _is_module(name: str) -> bool:
    """Whether there is such a module of ours; it need not be loaded in this process, and is not by being looked for."""
    package, *parts = name.split(".")
    if package != PACKAGE or not all(part.isidentifier() for part in parts):
        return False
    path = Path(thespis.__path__[0]).joinpath(*parts)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
