"""``Filecoin.Auth*``: tokens."""

from __future__ import annotations

from typing import Any

from thespis.actors.api import forms
from thespis.actors.api.registry import ReadView, RpcError, rpc
from thespis.runtime.http.auth import TokenError, new_token, permissions_of


@rpc("AuthNew", "admin", forms.texts)
def auth_new(node: ReadView, permissions: tuple[str, ...]) -> Any:
    """A token that grants these permissions."""
    return forms.bytes_form(new_token(node.secret, permissions).encode())


@rpc("AuthVerify", "read", forms.text, quick=True)
def auth_verify(node: ReadView, token: str) -> Any:
    """What a token grants."""
    try:
        return list(permissions_of(token, node.secret))
    except TokenError as error:
        raise RpcError(1, str(error)) from None
