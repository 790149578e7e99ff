"""Where a wallet keeps its keys, as an interface, and the one over the encrypted keystore."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from runtime.keystore import MODERATE, KdfCost, Keystore, KeystoreError, Secret, passphrase_from

logger = logging.getLogger(__name__)

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
        """Unlock, or make at the first start, with the passphrase of the key file or the environment.

        Raises KeystoreError when there is none: a node that runs unattended cannot ask a person.
        """
        key_file = folder.parent / "passphrase"
        passphrase = passphrase_from(key_file=key_file if key_file.exists() else None)
        if passphrase is None:
            raise KeystoreError(
                f"the keystore {folder} needs a passphrase: set THESPIS_PASSPHRASE, or write it to {key_file} (mode 600)"
            )
        public = passphrase.reveal() == PUBLIC_PASSPHRASE.encode()
        cost = LIGHT if public else MODERATE
        if not (folder / "params.json").exists():
            return Keystore.create(folder, passphrase, cost=cost)
        return Keystore.unlock(folder, passphrase, least_cost=cost)
