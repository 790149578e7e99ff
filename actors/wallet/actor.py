"""The Wallet: the only subsystem that holds private keys; it signs what others ask it to."""

from __future__ import annotations

from typing import Any

from thespis.actors.messages.wallet import (
    DefaultKey,
    DeleteKey,
    ExportedKey,
    ExportKey,
    ImportKey,
    KeyList,
    ListKeys,
    NewKey,
    SetDefaultKey,
    SignatureBytes,
    SignBytes,
    WalletAddress,
)
from thespis.actors.node.settings import NodeSettings
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType, address_of, sign
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.errors import SignatureError
from thespis.runtime.actor.envelopes import Done
from thespis.runtime.actor.subsystem import Subsystem, handles
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.keystore import Secret
from thespis.runtime.store.interface import METADATA, Put, Store
from thespis.runtime.vault import Vault

KINDS = {"bls": SignatureType.BLS, "secp256k1": SignatureType.SECP256K1}
_PREFIX = "wallet-"
_DEFAULT = b"default"


class UnknownAddressError(RuntimeFloorError):
    """The wallet has no key of an address."""


class Wallet(Subsystem):
    """Keys by address, in the node's vault."""

    def __init__(self) -> None:
        super().__init__()
        self._vault: Vault | None = None
        self._store: Store | None = None

    @property
    def vault(self) -> Vault:
        """The vault, open between start and stop."""
        assert self._vault is not None
        return self._vault

    async def start(self, settings: Any) -> None:
        """Unlock the vault."""
        assert isinstance(settings, NodeSettings)
        self._vault = self.environment.open_vault()
        self._store = self.environment.open_store("wallet")

    async def stop(self) -> None:
        """Forget the keys."""
        self.vault.lock()
        if self._store is not None:
            self._store.close()

    @handles(NewKey)
    def new_key(self, order: NewKey) -> WalletAddress:
        """Make a key; raises SignatureError for a type that is not offered."""
        order_of_group = bls.GROUP_ORDER
        scalar = self.environment.random.randrange(1, order_of_group)
        endian: Any = "little" if order.kind == "bls" else "big"
        return self._keep(order.kind, scalar.to_bytes(32, endian))

    @handles(ImportKey)
    def import_key(self, order: ImportKey) -> WalletAddress:
        """Keep a key that was made elsewhere; importing one that is here changes nothing."""
        return self._keep(order.kind, order.private_key)

    def _keep(self, kind: str, private_key: bytes) -> WalletAddress:
        signature_type = KINDS.get(kind)
        if signature_type is None:
            raise SignatureError(f"key type {kind!r}; the wallet has {' and '.join(KINDS)}")
        address = address_of(signature_type, private_key)
        if _PREFIX + str(address) not in self.vault.names():
            self.vault.put(_PREFIX + str(address), Secret(private_key))
        return WalletAddress(address)

    @handles(ExportKey)
    def export_key(self, request: ExportKey) -> ExportedKey:
        """Give out a key."""
        kind = "bls" if request.address.protocol is AddressProtocol.BLS else "secp256k1"
        return ExportedKey(kind, self._secret(request.address))

    @handles(DeleteKey)
    def delete_key(self, order: DeleteKey) -> Done:
        """Forget a key."""
        self._secret(order.address)
        self.vault.delete(_PREFIX + str(order.address))
        return Done()

    @handles(ListKeys)
    def list_keys(self, _request: ListKeys) -> KeyList:
        """All addresses, sorted."""
        return KeyList(tuple(self._addresses()))

    @handles(DefaultKey)
    def default_key(self, _request: DefaultKey) -> WalletAddress:
        """The chosen default, else the first address, which then stays the default."""
        assert self._store is not None
        data = self._store.get(METADATA, _DEFAULT)
        addresses = self._addresses()
        if data is not None and Address.parse(data) in addresses:
            return WalletAddress(Address.parse(data))
        if not addresses:
            return WalletAddress(None)
        self._store.write([Put(METADATA, _DEFAULT, addresses[0].data)])
        return WalletAddress(addresses[0])

    @handles(SetDefaultKey)
    def set_default_key(self, order: SetDefaultKey) -> Done:
        """Choose the default; it must be in the wallet."""
        assert self._store is not None
        self._secret(order.address)
        self._store.write([Put(METADATA, _DEFAULT, order.address.data)])
        return Done()

    @handles(SignBytes)
    def sign_bytes(self, request: SignBytes) -> SignatureBytes:
        """Sign; raises UnknownAddressError."""
        secret = self._secret(request.address)
        kind = SignatureType.BLS if request.address.protocol is AddressProtocol.BLS else SignatureType.SECP256K1
        return SignatureBytes(sign(kind, secret, request.data).to_bytes())

    def _addresses(self) -> list[Address]:
        names = (name for name in self.vault.names() if name.startswith(_PREFIX))
        return sorted(Address.from_text(name[len(_PREFIX) :]) for name in names)

    def _secret(self, address: Address) -> bytes:
        name = _PREFIX + str(address)
        if name not in self.vault.names():
            raise UnknownAddressError(f"the wallet has no key of {address}; import it, or choose one of its own")
        return self.vault.get(name).reveal()
