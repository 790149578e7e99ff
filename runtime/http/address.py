"""Where an API is: as a multiaddress or a URL, for who listens and for who calls.

Lotus v1.4.0 takes both in ``FULLNODE_API_INFO`` (``cli/cmd.go``, ParseApiInfo and DialArgs), a token before or not.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from thespis.runtime.errors import RuntimeFloorError

_TOKEN = re.compile(r"([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*):(.+)", re.DOTALL)
_HOSTS = {"ip4": 4, "ip6": 6, "dns": 0, "dns4": 0, "dns6": 0}
"""Multiaddress protocols of hosts, with the version of the address that must follow; 0 is a name."""
_SECURE = {"http": False, "https": True, "ws": False, "wss": True}
_PORTS = {False: 80, True: 443}
PORT_MAX = (1 << 16) - 1


class HttpAddressError(RuntimeFloorError, ValueError):
    """A text is no address of an API."""


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """A host, a port, and whether TLS stands before them; `path` is what a proxy's URL has before the API's own."""

    host: str
    port: int
    secure: bool = False
    path: str = ""

    @classmethod
    def from_text(cls, text: str) -> HttpAddress:
        """Read ``/ip4/<host>/tcp/<port>``, with or without ``/http``, or a URL; raises HttpAddressError."""
        try:
            return _of_multiaddress(text) if text.startswith("/") else _of_url(text)
        except (ValueError, IndexError) as error:
            why = f" ({error})" if str(error) and not isinstance(error, IndexError) else ""
            raise HttpAddressError(
                f"{text[:200]!r} is no address of an API{why}; "
                "write for example /ip4/127.0.0.1/tcp/1234/http, /ip6/::1/tcp/1234/http or http://127.0.0.1:1234"
            ) from None

    @property
    def _joined(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def bind(self) -> str:
        """As servers take it."""
        return self._joined

    @property
    def url(self) -> str:
        """Where a client finds it, without a slash at the end."""
        return f"{'https' if self.secure else 'http'}://{self._joined}{self.path}"

    def multiaddress(self, port: int) -> str:
        """The address with the port that the system chose."""
        kind = {4: "ip4", 6: "ip6", 0: "dns4"}[_version(self.host)]
        return f"/{kind}/{self.host}/tcp/{port}/http"


def api_info(text: str) -> tuple[str, str]:
    """Token and address of ``[<token>:]<address>``; an address has colons of its own, a token never."""
    match = _TOKEN.fullmatch(text.strip())
    return (match[1], match[2]) if match else ("", text.strip())


def _version(host: str) -> int:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return 0


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= PORT_MAX:
        raise ValueError(f"{text[:40]!r} is no port from 0 to {PORT_MAX}")
    return port


def _of_multiaddress(text: str) -> HttpAddress:
    kind, host, tcp, port, *over = text.strip("/").split("/")
    if kind not in _HOSTS or tcp != "tcp":
        raise ValueError("it has to begin with ip4, ip6 or dns, and go on with tcp")
    if _HOSTS[kind] != _version(host) or not host:
        raise ValueError(f"{host[:60]!r} is no {kind} host")
    scheme = "/".join(over) or "http"
    if scheme not in _SECURE:
        raise ValueError(f"what follows the port may be {', '.join(_SECURE)}")
    return HttpAddress(host, _port(port), _SECURE[scheme])


def _of_url(text: str) -> HttpAddress:
    url = urlsplit(text)
    if url.scheme not in _SECURE or not url.hostname:
        raise ValueError(f"a URL begins with {', '.join(f'{scheme}://' for scheme in _SECURE)} and a host")
    secure = _SECURE[url.scheme]
    return HttpAddress(url.hostname, _PORTS[secure] if url.port is None else url.port, secure, url.path.rstrip("/"))
