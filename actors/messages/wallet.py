"""What the Wallet is asked."""

from __future__ import annotations

from thespis.actors.messages import forms as _forms  # noqa: F401  (CIDs and addresses get their wire form there)
from thespis.protocols.encoding.address import Address
from thespis.runtime.actor.message import message


@message
class NewKey:
    """Make a key of a type: ``bls`` or ``secp256k1``."""

    kind: str


@message
class ImportKey:
    """Keep a private key of a type."""

    kind: str
    private_key: bytes


@message
class ExportKey:
    """Give out a private key."""

    address: Address


@message
class ExportedKey:
    """A private key; the one message that holds one."""

    kind: str
    private_key: bytes


@message
class DeleteKey:
    """Forget a private key."""

    address: Address


@message
class WalletAddress:
    """An address of the wallet, or None."""

    address: Address | None


@message
class ListKeys:
    """Addresses of the wallet."""


@message
class KeyList:
    """Addresses, sorted."""

    addresses: tuple[Address, ...]


@message
class DefaultKey:
    """The default sender."""


@message
class SetDefaultKey:
    """Choose the default sender."""

    address: Address


@message
class SignBytes:
    """Sign bytes with a key of the wallet."""

    address: Address
    data: bytes


@message
class SignatureBytes:
    """A signature: type byte, then data."""

    data: bytes
