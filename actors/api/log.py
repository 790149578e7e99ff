"""``Filecoin.Log*``: what the node writes to its log."""

from __future__ import annotations

import logging
from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, rpc
from thespis.runtime.actor.envelopes import ListProcesses
from thespis.runtime.actor.log_levels import PACKAGE, SetLogLevel


@rpc("LogList", "write")
async def log_list(node: NodeView) -> Any:
    """What `LogSetLevel` takes: the roles of the node, each for all that its process writes, and loggers.

    The loggers are those of the Api's process; other processes have more, each called as its module is.
    """
    table = await node.ask(ListProcesses())
    loggers = {name for name in logging.Logger.manager.loggerDict if name.startswith(f"{PACKAGE}.")}
    return sorted(loggers | {row.role for row in table.rows})


@rpc("LogSetLevel", "write", forms.text, forms.text)
async def log_set_level(node: NodeView, name: str, level: str) -> Any:
    """Change what every process of the node writes: all of it for ``*``, what one role does, or one logger."""
    await node.ask(SetLogLevel(name, level))
