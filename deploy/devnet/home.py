"""Where a devnet is: whose folder it is now, and whether a network in it goes on or is made anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from thespis.deploy.devnet.fleet import STOPPED_MARK
from thespis.deploy.devnet.plan import STATE_FILE, DevnetError, DevnetPlan, read_state
from thespis.runtime.locks import FileLock, LockedError, holder_of

LOCK_FILE = "devnet.lock"
FAULTS_FILE = "faults.log"
ALIVE_FILE = "alive"
"""Touched while the network runs, so that its next run knows how long it stood still, however it ended."""


def default_home() -> Path:
    """The user's own folder for state (XDG), which no other user can take first, as they could in ``/tmp``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state", "thespis", "devnet")


@contextlib.contextmanager
def held(home: Path) -> Iterator[None]:
    """Be the one who runs a network in this folder; raises DevnetError naming who does, or what the folder holds."""
    with contextlib.suppress(FileNotFoundError):
        names = {path.name for path in home.iterdir()} - {LOCK_FILE}
        if names and STATE_FILE not in names:
            raise DevnetError(f"{home} holds something other than a devnet; choose another --home")
    home.mkdir(parents=True, mode=0o700, exist_ok=True)
    lock = FileLock(home / LOCK_FILE)
    try:
        lock.take()
    except LockedError as error:
        raise DevnetError(
            f"the devnet at {home} runs already, as process {error.holder}; "
            "stop that one, or choose another --home for a second network"
        ) from None
    try:
        yield
    finally:
        lock.release()


def runs(home: Path) -> bool:
    """Whether somebody runs a network in this folder."""
    return bool(holder_of(home / LOCK_FILE))


def stopped_network(home: Path, wanted: dict[str, Any]) -> DevnetPlan | None:
    """The network that was stopped in a held folder and can go on; None where there is none.

    `wanted` are the options that a person gave. Raises DevnetError for one that the network does not have, and for a
    port that another program has taken meanwhile.
    """
    if not (home / STATE_FILE).exists():
        return None
    state = read_state(home)
    if not state.get("whole"):
        return None  # who made it was killed before there was a network
    plan = DevnetPlan.of_state(home, state)
    has = {
        "nodes": len(plan.nodes),
        "miners": sum(node.miner is not None for node in plan.nodes),
        "block_time": plan.block_time_s,
        "sector_size": plan.sector_bytes,
        "upgrade_epoch": plan.upgrade_epoch,
        "seed": plan.seed,
        "base_port": plan.nodes[0].p2p_port,
    }
    for name, value in wanted.items():
        if has[name] != value:
            raise DevnetError(
                f"the devnet at {home} was made with --{name.replace('_', '-')} {has[name]}, not {value}; "
                "--reset makes it anew, or choose another --home"
            )
    for node in plan.nodes:
        for port in (node.p2p_port, node.api_port):
            _check_free(node.name, port)
        (node.home / STOPPED_MARK).unlink(missing_ok=True)
    (home / FAULTS_FILE).unlink(missing_ok=True)
    try:
        alive_s = (home / ALIVE_FILE).stat().st_mtime
    except FileNotFoundError:
        alive_s = plan.genesis_time_s + plan.clock_behind_s
    return plan.after(max(0.0, time.time() - alive_s))


def note_alive(home: Path) -> None:
    """The network runs at this moment."""
    (home / ALIVE_FILE).touch(mode=0o600)


def _check_free(name: str, port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise DevnetError(
            f"port {port} of {name} cannot be had: {os.strerror(error.errno or 0)}; end the program that has it, "
            "or --reset chooses others with a new network"
        ) from None


def clear(home: Path) -> None:
    """Remove a held folder's network with its chain, wallets, sectors and logs."""
    for path in home.iterdir():
        if path.name == LOCK_FILE:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
