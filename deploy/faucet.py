"""The faucet: gives a little money to whoever asks, not too often, for test networks only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from thespis.protocols.encoding.address import Address
from thespis.protocols.errors import AddressError
from thespis.runtime.http.connections import ConnectionBounds, read_body, serve_forever

ENTRIES_MAX = 100_000
FORM_BYTES_MAX = 4096
FORM_TIMEOUT_S = 10.0
HELD_BYTES = 1 << 20
PAGE = """<!doctype html><meta charset="utf-8"><title>Thespis faucet</title>
<h1>Thespis faucet</h1><p>Test money: {amount} per address {every}.</p>
<form method="post" action="/tap"><input name="target" size="60" placeholder="f1…"><button>Send</button></form>
"""


class Limiter:
    """When an address or a host may ask again; bounded, the oldest entries are forgotten."""

    def __init__(self, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock = clock
        self._last: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """How long a key has to wait; 0 when it may ask now."""
        last = self._last.get(key)
        return 0.0 if last is None else max(0.0, last + self._every_s - self._clock())

    def note(self, key: str) -> None:
        """A key was served now."""
        self._last[key] = self._clock()
        self._last.move_to_end(key)
        while len(self._last) > ENTRIES_MAX:
            self._last.popitem(last=False)

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._last.pop(key, None)


class Faucet:
    """The HTTP application; `send` transfers and returns the message's CID."""

    def __init__(self, send: Callable[[str], str], amount: str, every_s: float) -> None:
        self._send = send
        self._amount = amount
        self._every_s = every_s
        self._addresses, self._hosts = Limiter(every_s), Limiter(every_s / 10)

    def app(self) -> Any:
        """Page and tap as an ASGI application, for any server of such."""
        from starlette.applications import Starlette
        from starlette.routing import Route

        return Starlette(routes=[Route("/", self._page), Route("/tap", self._tap, methods=["POST"])])

    async def _page(self, _request: Any) -> Any:
        from starlette.responses import HTMLResponse

        return HTMLResponse(PAGE.format(amount=self._amount, every=f"every {self._every_s:g} s"))

    async def _tap(self, request: Any) -> Any:
        import trio
        from starlette.responses import PlainTextResponse

        target = request.query_params.get("target", "")
        if not target:
            body = await read_body(request, FORM_BYTES_MAX, FORM_TIMEOUT_S)
            if isinstance(body, int):
                text = f"the form is over {FORM_BYTES_MAX} bytes, or takes over {FORM_TIMEOUT_S:.0f} s to arrive\n"
                return PlainTextResponse(text, body, headers={"Connection": "close"})
            target = body.decode(errors="replace").partition("target=")[2].partition("&")[0]
        try:
            address = str(Address.from_text(target.strip()))
        except AddressError as error:
            return PlainTextResponse(f"no address: {error}\n", 400)
        host = request.client.host if request.client else ""
        wait_s = max(self._addresses.wait_s(address), self._hosts.wait_s(host))
        if wait_s > 0:
            return PlainTextResponse(
                f"too soon; ask again in {wait_s:.0f} s\n", 429, headers={"Retry-After": str(int(wait_s) + 1)}
            )
        self._addresses.note(address)
        self._hosts.note(host)
        try:
            cid = await trio.to_thread.run_sync(partial(self._send, address))
        except Exception:
            self._addresses.clear(address)
            self._hosts.clear(host)
            return PlainTextResponse("the node did not take the transfer; ask again later\n", 502)
        return PlainTextResponse(f"{self._amount} are on their way: {cid}\n", headers={"Message-Cid": cid})


def serve(faucet: Faucet, bind: str) -> None:
    """Serve until interrupted."""
    import trio

    trio.run(serve_forever, faucet.app(), bind, ConnectionBounds(held_bytes=HELD_BYTES, address_held_bytes=HELD_BYTES))
