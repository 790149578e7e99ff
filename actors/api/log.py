"""``Filecoin.Log*``: what the node writes to its log."""

from __future__ import annotations

import logging
from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import NodeView, RpcError, rpc

LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}


@rpc("LogList", "write")
def log_list(_node: NodeView) -> Any:
    """The loggers of the Api's process."""
    return sorted(name for name in logging.Logger.manager.loggerDict if name.startswith("thespis."))


@rpc("LogSetLevel", "write", forms.text, forms.text)
def log_set_level(_node: NodeView, name: str, level: str) -> Any:
    """Change what a logger of the Api's process writes."""
    if level.lower() not in LEVELS:
        raise RpcError(1, f"level {level!r}; they are {', '.join(LEVELS)}")
    logging.getLogger(None if name == "*" else name).setLevel(LEVELS[level.lower()])
