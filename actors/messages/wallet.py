"""What the Wallet is asked."""

from __future__ import annotations

from thespis.actors.roles import WALLET
from thespis.protocols.crypto.signature import Signature
from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import SignatureError
from thespis.runtime.actor.conversation import Ask
from thespis.runtime.actor.message import message
from thespis.runtime.actor.pages import Page
from thespis.runtime.errors import RuntimeFloorError


class UnknownAddressError(RuntimeFloorError):
    """The wallet has no key of an address."""


@message
class NewKey(Ask[Address], to=WALLET, raises=(SignatureError,)):
    """Make a key of a type, ``bls`` or ``secp256k1``; answered with its address."""

    kind: str


@message
class ImportKey(Ask[Address], to=WALLET, raises=(SignatureError,)):
    """Keep a private key of a type that was made elsewhere; answered with its address."""

    kind: str
    private_key: bytes


@message
class ExportedKey:
    """A private key; the one answer that holds one."""

    kind: str
    private_key: bytes


@message
class ExportKey(Ask[ExportedKey], to=WALLET, raises=(UnknownAddressError,)):
    """Give out a private key."""

    address: Address


@message
class DeleteKey(Ask[None], to=WALLET, raises=(UnknownAddressError,)):
    """Forget a private key."""

    address: Address


@message
class ListKeys(Ask[Page[Address]], to=WALLET):
    """The addresses of the wallet, by their bytes."""

    after: bytes = b""


@message
class DefaultKey(Ask[Address | None], to=WALLET):
    """The sender where none is named, or None in an empty wallet."""


@message
class SetDefaultKey(Ask[None], to=WALLET, raises=(UnknownAddressError,)):
    """Choose the sender where none is named."""

    address: Address


@message
class SignBytes(Ask[Signature], to=WALLET, raises=(UnknownAddressError,)):
    """The signature of these bytes by a key of this node."""

    address: Address
    data: bytes
