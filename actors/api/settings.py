"""Settings of the Api."""

from __future__ import annotations

from typing import Annotated

from thespis.runtime.actor.message import message
from thespis.runtime.checks import http_address
from thespis.runtime.settings import Setting

LOCAL_PAGES = (
    "http://localhost:8080",
    "https://localhost:8080",
    "http://127.0.0.1:8080",
    "https://127.0.0.1:8080",
)


@message
class ApiSettings:
    """The JSON-RPC and HTTP server."""

    address: Annotated[
        str, Setting("api.address", "where the API listens", check=http_address, flag="--api-listen")
    ] = "/ip4/127.0.0.1/tcp/3453"
    origins: Annotated[
        tuple[str, ...],
        Setting("api.access_control_allow_origin", "origins whose pages may call the API, beside its own; * is any"),
    ] = LOCAL_PAGES
    miner: str = ""
    """The miner of this node, or nothing."""
    bootstrap: tuple[str, ...] = ()
    """The peers that are dialled at start, to be shown."""
