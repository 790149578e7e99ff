"""A client of a node's JSON-RPC API: what the commands and the devnet speak."""

from __future__ import annotations

import itertools
import ssl
from pathlib import Path
from typing import Any, Self

import httpx
from thespis.runtime.errors import RuntimeFloorError
from thespis.runtime.http.address import HttpAddress
from thespis.runtime.repo import Repo

TIMEOUT_S = 70.0


class RpcCallError(RuntimeFloorError):
    """The node answered with an error."""

    def __init__(self, method: str, code: int, text: str) -> None:
        super().__init__(f"{method}: {text}")
        self.code = code


class RpcUnreachableError(RuntimeFloorError):
    """No node answers."""


class RpcClient:
    """Calls one node; use it as a context manager."""

    def __init__(self, address: str, token: str = "", timeout_s: float = TIMEOUT_S) -> None:
        found = HttpAddress.from_text(address)
        self.url = f"{found.url}/rpc/v1"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # without TLS no certificate is ever looked at: loading the trusted ones would take 25 ms of CPU
        trusted = ssl.create_default_context() if found.secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx.Client(headers=headers, timeout=timeout_s, trust_env=False, verify=trusted)
        self._numbers = itertools.count(1)

    @classmethod
    def of_home(cls, home: Path, timeout_s: float = TIMEOUT_S) -> RpcClient:
        """The node that runs at a home; raises RepoError when none does."""
        address = Repo(home).api()
        token = home / "token"
        return cls(address, token.read_text(encoding="ascii") if token.exists() else "", timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, *params: Any, timeout_s: float | None = None) -> Any:
        """Call ``Filecoin.<method>``, if need be within another time; raises RpcCallError or RpcUnreachableError."""
        name = method if "." in method else f"Filecoin.{method}"
        request = {"jsonrpc": "2.0", "id": next(self._numbers), "method": name, "params": list(params)}
        try:
            timeout = self._client.timeout if timeout_s is None else timeout_s
            answer = self._client.post(self.url, json=request, timeout=timeout).json()
        except httpx.ConnectError:
            raise RpcUnreachableError(f"Connection refused by {self.url}. Is the daemon running?") from None
        except (httpx.HTTPError, ValueError) as error:
            raise RpcUnreachableError(f"{self.url} did not answer {name}: {error!r}") from None
        if "error" in answer:
            raise RpcCallError(name, answer["error"]["code"], answer["error"]["message"])
        return answer.get("result")
