"""Keys of a simulated node: kept on its virtual disk, in the clear, for nothing in a simulation is secret."""

from __future__ import annotations

from thespis.runtime.keystore import KeyExistsError, KeyNotFoundError, Secret
from thespis.runtime.store.interface import METADATA, Delete, Put, Store


class SimulatedVault:
    """A vault over a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def names(self) -> list[str]:
        """Names of all secrets, sorted."""
        return [key.decode() for key, _ in self._store.scan(METADATA)]

    def get(self, name: str) -> Secret:
        """A secret."""
        data = self._store.get(METADATA, name.encode())
        if data is None:
            raise KeyNotFoundError(f"keystore has no key {name!r}")
        return Secret(data)

    def put(self, name: str, secret: Secret) -> None:
        """Keep a secret under a new name."""
        if self._store.has(METADATA, name.encode()):
            raise KeyExistsError(f"keystore has a key {name!r}; delete it first, or choose another name")
        self._store.write([Put(METADATA, name.encode(), secret.reveal())])

    def delete(self, name: str) -> None:
        """Forget a secret."""
        self.get(name)
        self._store.write([Delete(METADATA, name.encode())])

    def lock(self) -> None:
        """Close the store."""
        self._store.close()
