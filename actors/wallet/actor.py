"""The Wallet: the only subsystem that holds private keys; it signs what others ask it to."""

from __future__ import annotations

import logging
from typing import Literal

from thespis.actors.messages.wallet import (
    DefaultKey,
    DeleteKey,
    ExportedKey,
    ExportKey,
    ImportKey,
    ListKeys,
    NewKey,
    SetDefaultKey,
    SignBytes,
    UnknownAddressError,
)
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import Signature, SignatureType, address_of, sign
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.errors import AddressError, SignatureError
from thespis.runtime.actor.handlers import answers
from thespis.runtime.actor.pages import Page, page_of
from thespis.runtime.actor.subsystem import Subsystem
from thespis.runtime.keystore import Secret
from thespis.runtime.store.interface import METADATA, Put, Store
from thespis.runtime.vault import Vault

logger = logging.getLogger(__name__)

KINDS = {"bls": SignatureType.BLS, "secp256k1": SignatureType.SECP256K1}
_PREFIX = "wallet-"
_DEFAULT = b"default"


class Wallet(Subsystem[None]):
    """Keys by address, in the node's vault."""

    vault: Vault
    store: Store

    async def start(self, settings: None) -> None:  # noqa: ARG002
        """Unlock the vault."""
        self.vault = self.environment.open_vault()
        self.at_stop(self.vault.lock)
        self.store = self.opened(self.environment.open_store("wallet"))

    @answers(NewKey)
    def new_key(self, order: NewKey) -> Address:
        """Make a key; raises SignatureError for a type that is not offered."""
        scalar = self.environment.random.randrange(1, bls.GROUP_ORDER)
        endian: Literal["little", "big"] = "little" if order.kind == "bls" else "big"
        return self._keep(order.kind, scalar.to_bytes(32, endian))

    @answers(ImportKey)
    def import_key(self, order: ImportKey) -> Address:
        """Keep a key that was made elsewhere; importing one that is here changes nothing."""
        return self._keep(order.kind, order.private_key)

    def _keep(self, kind: str, private_key: bytes) -> Address:
        signature_type = KINDS.get(kind)
        if signature_type is None:
            raise SignatureError(f"key type {kind!r}; the wallet has {' and '.join(KINDS)}")
        address = address_of(signature_type, private_key)
        if _PREFIX + str(address) not in self.vault.names():
            self.vault.put(_PREFIX + str(address), Secret(private_key))
        return address

    @answers(ExportKey)
    def export_key(self, request: ExportKey) -> ExportedKey:
        """Give out a key."""
        kind = "bls" if request.address.protocol is AddressProtocol.BLS else "secp256k1"
        return ExportedKey(kind, self._secret(request.address))

    @answers(DeleteKey)
    def delete_key(self, order: DeleteKey) -> None:
        """Forget a key."""
        self._secret(order.address)
        self.vault.delete(_PREFIX + str(order.address))

    @answers(ListKeys)
    def list_keys(self, request: ListKeys) -> Page[Address]:
        """All addresses, sorted."""
        return page_of(
            ((address.data, address) for address in self._addresses()), request.after, lambda each: len(each.data)
        )

    @answers(DefaultKey)
    def default_key(self, _request: DefaultKey) -> Address | None:
        """The chosen default, else the first address, which then stays the default."""
        data = self.store.get(METADATA, _DEFAULT)
        addresses = self._addresses()
        if data is not None and Address.parse(data) in addresses:
            return Address.parse(data)
        if not addresses:
            return None
        self.store.write([Put(METADATA, _DEFAULT, addresses[0].data)])
        return addresses[0]

    @answers(SetDefaultKey)
    def set_default_key(self, order: SetDefaultKey) -> None:
        """Choose the default; it must be in the wallet."""
        self._secret(order.address)
        self.store.write([Put(METADATA, _DEFAULT, order.address.data)])

    @answers(SignBytes)
    def sign_bytes(self, request: SignBytes) -> Signature:
        """Sign; raises UnknownAddressError."""
        secret = self._secret(request.address)
        kind = SignatureType.BLS if request.address.protocol is AddressProtocol.BLS else SignatureType.SECP256K1
        return sign(kind, secret, request.data)

    def _addresses(self) -> list[Address]:
        """The keys' addresses, sorted; what stands beside them in the vault is left alone."""
        found = []
        for name in self.vault.names():
            if name.startswith(_PREFIX):
                try:
                    found.append(Address.from_text(name[len(_PREFIX) :]))
                except AddressError as error:
                    logger.warning("%s in the keystore is no key of an address: %s", name, error)
        return sorted(found)

    def _secret(self, address: Address) -> bytes:
        name = _PREFIX + str(address)
        if name not in self.vault.names():
            raise UnknownAddressError(f"the wallet has no key of {address}; import it, or choose one of its own")
        return self.vault.get(name).reveal()
