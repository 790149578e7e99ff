"""What texts of settings may be: addresses, multiaddresses and names; each raises ValueError with the reason."""

from __future__ import annotations

import ipaddress

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


def listening(value: str) -> str:
    """Where to listen: an IP address and a TCP port. A name is none: whoever binds one may bind every interface."""
    kind, _, rest = value.removeprefix("/").partition("/")
    host, _, port = rest.partition("/tcp/")
    try:
        right = value.startswith(f"/ip{ipaddress.ip_address(host).version}/") and 0 <= int(port) < 1 << 16
    except ValueError:
        right = False
    if not right or not port.isdecimal():
        raise ValueError(
            f"{value!r} is no address to listen on, kind {kind!r}; give an IP address and a port, such as "
            "/ip4/127.0.0.1/tcp/6000, or /ip4/0.0.0.0/tcp/6000 for every interface"
        )
    return value


def nickname(value: str) -> str:
    """Letters of ASCII only, or nothing."""
    if value and not (value.isascii() and value.isalpha()):
        raise ValueError(f"{value!r} has characters other than letters")
    return value
