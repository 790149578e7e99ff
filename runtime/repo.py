"""A node's home directory.

=============  ====================================================================
entry          what it is
=============  ====================================================================
version        the layout's number, ``1``
config.toml    settings
keystore/      encrypted keys
datastore/     RocksDB stores, one folder each
genesis.car    the chain's beginning, where it was given; needed at the first start only
passphrase     the wallet's, mode 600, where it does not come from the environment
p2p/           the key of the node's identity
sectors/       a miner's sectors, one folder each, from their first piece on
run/           sockets of the running node, mode 0700; gone when it stops
api            where the running node's API listens; gone when it stops
token          the administrator's token for it, written at each start
repo.lock      held (flock) by the running node; gone when it stops
=============  ====================================================================

Init makes a folder with the first four and gives it its name last, so a failed init leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import write_atomically
from thespis.runtime.locks import FileLock, LockedError, holder_of

VERSION = "1"
FOLDERS = ("keystore", "datastore")
DEFAULT_HOME = "~/.thespis"


class RepoError(RuntimeFloorError):
    """The home directory cannot be made, opened or used."""


class RepoExistsError(RepoError):
    """There is a repository already."""


class RepoMissingError(RepoError):
    """There is no repository yet."""


class RepoVersionError(RepoError):
    """The directory's layout is another version's."""


class RepoLockedError(RepoError):
    """Another process uses the repository."""


def default_home() -> Path:
    """`$THESPIS_HOME`, or ``~/.thespis``."""
    return Path(os.environ.get("THESPIS_HOME") or DEFAULT_HOME).expanduser()


class Repo:
    """An existing home directory; made with `Repo.init`, opened with `Repo.open`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock = FileLock(home / "repo.lock")

    @classmethod
    def init(cls, home: Path, config: str = "") -> Repo:
        """Make a new repository; an existing empty folder may be its place.

        `config` is the text of its config.toml; an empty one means every default.
        Raises RepoExistsError when there is one, RepoError when the folder is used otherwise or cannot be made.
        """
        if (home / "version").exists() or (home / "config.toml").exists():
            raise RepoExistsError(f"repo already initialized: {home}; use it, or choose another --home")
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise RepoError(f"{home} exists and is not an empty folder; choose another --home")
        made = _make_parents(home.parent)
        draft: Path | None = None
        try:
            draft = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
            for folder in FOLDERS:
                (draft / folder).mkdir(mode=0o700)
            write_atomically(draft / "config.toml", config.encode())
            write_atomically(draft / "version", f"{VERSION}\n".encode())
            draft.rename(home)
        except OSError as error:
            if draft is not None:
                shutil.rmtree(draft, ignore_errors=True)
            for folder_made in reversed(made):
                with contextlib.suppress(OSError):
                    folder_made.rmdir()
            raise RepoError(f"cannot make a repository at {home}: {error.strerror or error}") from error
        return cls(home)

    @classmethod
    def open(cls, home: Path) -> Repo:
        """Open an existing repository, without locking it.

        Raises RepoMissingError, or RepoVersionError when this program does not know its layout.
        """
        try:
            version = (home / "version").read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            raise RepoMissingError(f"no repository at {home}; run: thespis init --home {home}") from None
        if version != VERSION:
            raise RepoVersionError(
                f"repository {home} has layout version {version[:20]!r}, this program reads {VERSION}; "
                "use the program that made it, or init another home"
            )
        return cls(home)

    @property
    def config_path(self) -> Path:
        """Where the settings are."""
        return self.home / "config.toml"

    @property
    def run_path(self) -> Path:
        """Where the running node's sockets are."""
        return self.home / "run"

    def lock(self) -> None:
        """Become the one user of the repository; raises RepoLockedError naming the other."""
        try:
            self._lock.take()
        except LockedError as error:
            raise RepoLockedError(
                f"repository {self.home} is in use by process {error.holder}; stop it, or choose another --home"
            ) from None

    def unlock(self) -> None:
        """Give the repository free; without a lock this does nothing."""
        self._lock.release()

    def user(self) -> int:
        """The process that uses the repository, 0 for nobody."""
        return holder_of(self._lock.path)

    def api(self) -> str:
        """Where the API listens; raises RepoError when no node runs."""
        try:
            return (self.home / "api").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RepoError(f"can't find API endpoint address in {self.home} (is the daemon running?)") from None

    def close(self) -> None:
        """Remove what only a running node has, and unlock; closing twice is no error."""
        with contextlib.suppress(FileNotFoundError):
            (self.home / "api").unlink()
        self.unlock()


def _make_parents(path: Path) -> list[Path]:
    missing: list[Path] = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    try:
        for folder in reversed(missing):
            folder.mkdir(mode=0o700)
    except OSError as error:
        raise RepoError(f"cannot make {missing[0]}: {error.strerror}") from error
    return missing[::-1]
