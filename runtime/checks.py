"""What texts of settings may be: addresses, multiaddresses and names; each raises ValueError with the reason."""

from __future__ import annotations

from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import ProtocolError
from thespis.runtime.http.address import HttpAddress


def fil_address(value: str) -> str:
    """An address on chain, or nothing."""
    if value:
        try:
            Address.from_text(value)
        except ProtocolError as error:
            raise ValueError(str(error)) from None
    return value


def multiaddress(value: str) -> str:
    """A multiaddress, or nothing."""
    if value and not value.startswith("/"):
        raise ValueError(f"{value!r} is no multiaddress such as /ip4/127.0.0.1/tcp/3453")
    return value


def http_address(value: str) -> str:
    """Where an HTTP server may listen, or nothing."""
    if value:
        HttpAddress.from_text(multiaddress(value))
    return value


def nickname(value: str) -> str:
    """Letters of ASCII only, or nothing."""
    if value and not (value.isascii() and value.isalpha()):
        raise ValueError(f"{value!r} has characters other than letters")
    return value
