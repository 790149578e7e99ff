"""Keys at rest: Argon2id over a passphrase, XSalsa20-Poly1305 over each key (PyNaCl).

``keystore/params.json`` holds salt, cost and a sealed check value; ``keystore/<name>.key`` holds nonce and box. The
check value tells a wrong passphrase from a damaged key. Secrets travel as `Secret`, which prints as nothing, has no
wire form as a message, and is never an argument of a process; unlocking turns core dumps off.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import re
import resource
from dataclasses import dataclass
from pathlib import Path

from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.files import sync_folder, write_atomically

PASSPHRASE_VARIABLE = "THESPIS_PASSPHRASE"  # noqa: S105
CHECK_TEXT = b"thespis keystore"
NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
SECRET_BYTES_MAX = 64 << 10
_PR_SET_DUMPABLE = 4


class KeystoreError(RuntimeFloorError):
    """Root of the keystore's errors; their texts never hold key material."""


class WrongPassphraseError(KeystoreError):
    """The passphrase does not open this keystore."""


class KeyNotFoundError(KeystoreError):
    """No key has this name."""


class KeyExistsError(KeystoreError):
    """A key has this name; keys are never overwritten."""


class KeystoreDamagedError(KeystoreError):
    """A file of the keystore is not what was written."""


@dataclass(frozen=True, slots=True)
class KdfCost:
    """Argon2id's cost."""

    operations: int
    memory_bytes: int


MODERATE = KdfCost(operations=3, memory_bytes=256 << 20)
"""libsodium's MODERATE: about a second; the cost of every keystore but those of tests."""


class Secret:
    """Key material that does not print."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = bytearray(data)

    def reveal(self) -> bytes:
        """The bytes; call it where they are used and keep no copy."""
        return bytes(self._data)

    def wipe(self) -> None:
        """Overwrite this copy."""
        for index in range(len(self._data)):
            self._data[index] = 0

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> str:
        raise KeystoreError("a secret is not copied, pickled or sent")


def forbid_core_dumps() -> None:
    """Keep key material out of core files and other processes' debuggers."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def passphrase_from(*, key_file: Path | None = None, environment: dict[str, str] | None = None) -> Secret | None:
    """The passphrase of a key file, else of ``THESPIS_PASSPHRASE``, else None.

    Nobody is asked, for a node runs unattended. A key file that others can read is refused: it would be the weakest
    lock.
    """
    if key_file is not None:
        status = key_file.stat()
        if status.st_mode & 0o077:
            raise KeystoreError(f"key file {key_file} has mode {status.st_mode & 0o777:o}; run: chmod 600 {key_file}")
        return Secret(key_file.read_bytes().rstrip(b"\r\n"))
    text = (os.environ if environment is None else environment).get(PASSPHRASE_VARIABLE)
    return Secret(text.encode()) if text is not None else None


class Keystore:
    """An unlocked keystore."""

    def __init__(self, folder: Path, key: Secret) -> None:
        self._folder = folder
        self._key = key

    @classmethod
    def create(cls, folder: Path, passphrase: Secret, *, cost: KdfCost = MODERATE) -> Keystore:
        """Make the keystore of a home; another cost than the default is for tests."""
        from nacl.secret import SecretBox
        from nacl.utils import random as random_bytes

        if (folder / "params.json").exists():
            raise KeystoreError(f"keystore {folder} exists; unlock it, or choose another home")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        salt = random_bytes(16)
        key = _derive(passphrase, salt, cost)
        params = {
            "version": 1,
            "kdf": "argon2id",
            "operations": cost.operations,
            "memory_bytes": cost.memory_bytes,
            "salt": base64.b64encode(salt).decode(),
            "check": base64.b64encode(SecretBox(key.reveal()).encrypt(CHECK_TEXT)).decode(),
        }
        write_atomically(folder / "params.json", json.dumps(params, indent=1).encode())
        forbid_core_dumps()
        return cls(folder, key)

    @classmethod
    def unlock(cls, folder: Path, passphrase: Secret, *, least_cost: KdfCost = MODERATE) -> Keystore:
        """Open a keystore; raises WrongPassphraseError or KeystoreDamagedError.

        A cost below `least_cost` is refused, or whoever can write the file could make guessing cheap.
        """
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        try:
            params = json.loads((folder / "params.json").read_text(encoding="utf-8"))
            cost = KdfCost(int(params["operations"]), int(params["memory_bytes"]))
            salt, check = base64.b64decode(params["salt"]), base64.b64decode(params["check"])
            if params["version"] != 1 or params["kdf"] != "argon2id":
                raise ValueError("unknown version or key derivation")
        except FileNotFoundError:
            raise KeystoreError(f"no keystore at {folder}; it is made with the first key") from None
        except (ValueError, KeyError, TypeError) as error:
            raise KeystoreDamagedError(
                f"{folder / 'params.json'} is damaged: {error}; restore it from a backup"
            ) from None
        if cost.operations < least_cost.operations or cost.memory_bytes < least_cost.memory_bytes:
            raise KeystoreDamagedError(
                f"{folder / 'params.json'} asks for a cheaper key derivation than this program accepts; "
                "it was tampered with, or it is a test's"
            )
        forbid_core_dumps()
        key = _derive(passphrase, salt, cost)
        try:
            SecretBox(key.reveal()).decrypt(check)
        except CryptoError:
            raise WrongPassphraseError(f"wrong passphrase for keystore {folder}; try again") from None
        return cls(folder, key)

    def names(self) -> list[str]:
        """Names of all keys, sorted; a file that no key can have the name of is none."""
        stems = (path.stem for path in self._folder.glob("*.key") if path.is_file())
        return sorted(stem for stem in stems if NAME.fullmatch(stem) and not stem.startswith("."))

    def put(self, name: str, secret: Secret) -> None:
        """Keep a key under a new name."""
        from nacl.secret import SecretBox

        path = self._path(name)
        if path.exists():
            raise KeyExistsError(f"keystore has a key {name!r}; delete it first, or choose another name")
        data = secret.reveal()
        if not 0 < len(data) <= SECRET_BYTES_MAX:
            raise KeystoreError(f"key {name!r} has {len(data)} bytes; keys have 1 to {SECRET_BYTES_MAX}")
        write_atomically(path, SecretBox(self._key.reveal()).encrypt(name.encode() + b"\0" + data))

    def get(self, name: str) -> Secret:
        """The key of a name."""
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        path = self._path(name)
        try:
            plain = SecretBox(self._key.reveal()).decrypt(path.read_bytes())
        except FileNotFoundError:
            raise KeyNotFoundError(f"keystore has no key {name!r}") from None
        except (CryptoError, ValueError):
            raise KeystoreDamagedError(f"{path} is damaged; restore it from a backup") from None
        stored, _, data = plain.partition(b"\0")
        if stored != name.encode():
            raise KeystoreDamagedError(f"{path} holds the key of another name; files were exchanged")
        return Secret(data)

    def delete(self, name: str) -> None:
        """Forget a key; raises KeyNotFoundError."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise KeyNotFoundError(f"keystore has no key {name!r}") from None
        with contextlib.suppress(OSError):
            sync_folder(self._folder)

    def lock(self) -> None:
        """Overwrite the key in memory; the keystore cannot be used afterwards."""
        self._key.wipe()

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name) or name.startswith("."):
            raise KeystoreError(f"key name {name[:40]!r}; names are letters, digits, '.', '_' and '-', at most 128")
        return self._folder / f"{name}.key"


def _derive(passphrase: Secret, salt: bytes, cost: KdfCost) -> Secret:
    from nacl.pwhash import argon2id
    from nacl.secret import SecretBox

    return Secret(
        argon2id.kdf(
            SecretBox.KEY_SIZE, passphrase.reveal(), salt, opslimit=cost.operations, memlimit=cost.memory_bytes
        )
    )
