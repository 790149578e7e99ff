"""Where a wallet keeps its keys, as an interface, and the one over the encrypted keystore."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from thespis.runtime.files import write_atomically
from thespis.runtime.keystore import (
    MODERATE,
    PASSPHRASE_VARIABLE,
    KdfCost,
    Keystore,
    KeystoreError,
    Secret,
    passphrase_from,
)

GIVEN_PASSPHRASE = Path("run") / "passphrase"
"""Where the launcher puts the passphrase it was given, while the node runs: a restarted wallet needs it again."""
LIGHT = KdfCost(operations=1, memory_bytes=8 << 10)
"""The least Argon2id: for keystores whose passphrase is public anyway, as a devnet's is."""
PUBLIC_PASSPHRASE = "devnet"  # noqa: S105
"""With this passphrase a keystore is only obfuscated, so making it hard to derive would protect nothing."""


class Vault(Protocol):
    """Secrets by name."""

    def names(self) -> list[str]:
        """Names of all secrets, sorted."""
        ...

    def get(self, name: str) -> Secret:
        """A secret; raises KeyNotFoundError."""
        ...

    def put(self, name: str, secret: Secret) -> None:
        """Keep a secret under a new name; raises KeyExistsError."""
        ...

    def delete(self, name: str) -> None:
        """Forget a secret; raises KeyNotFoundError."""
        ...

    def lock(self) -> None:
        """Forget how to read the secrets."""
        ...


class KeystoreVault(Keystore):
    """The keystore of a home."""

    @classmethod
    def open(cls, folder: Path) -> Keystore:
        """Unlock, or make at the first start, with the passphrase that stands in the home or was given to the launcher.

        Raises KeystoreError when there is none: a node that runs unattended cannot ask a person.
        """
        home = folder.parent
        files = [path for path in (home / GIVEN_PASSPHRASE, home / "passphrase") if path.exists()]
        if not files:
            raise KeystoreError(
                f"the keystore {folder} needs a passphrase: set {PASSPHRASE_VARIABLE}, "
                f"or write it to {home / 'passphrase'} (mode 600)"
            )
        passphrase = passphrase_from(key_file=files[0])
        assert passphrase is not None
        public = passphrase.reveal() == PUBLIC_PASSPHRASE.encode()
        cost = LIGHT if public else MODERATE
        if not (folder / "params.json").exists():
            return Keystore.create(folder, passphrase, cost=cost)
        return Keystore.unlock(folder, passphrase, least_cost=cost)


def give_passphrase(home: Path) -> None:
    """Put the passphrase of the environment, if there is one, where the wallet finds it."""
    passphrase = passphrase_from()
    if passphrase is not None:
        write_atomically(home / GIVEN_PASSPHRASE, passphrase.reveal())


def take_passphrase(home: Path) -> None:
    """Remove what `give_passphrase` put there."""
    (home / GIVEN_PASSPHRASE).unlink(missing_ok=True)
