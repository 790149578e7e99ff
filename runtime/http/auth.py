"""API tokens: JSON web tokens that say what their bearer may do, signed with the node's secret (Lotus' form)."""

from __future__ import annotations

import jwt
from thespis.runtime.errors import RuntimeFloorError

PERMISSIONS = ("read", "write", "sign", "admin")
"""In rising order; a token lists each that it grants."""
READ_ONLY = ("read",)
"""What a caller without a token may do."""
SECRET_BYTES = 32


class TokenError(RuntimeFloorError):
    """A token is not one of this node's."""


def new_token(secret: bytes, permissions: tuple[str, ...]) -> str:
    """A token that grants these permissions; raises TokenError for one that does not exist."""
    unknown = [each for each in permissions if each not in PERMISSIONS]
    if unknown or not permissions:
        raise TokenError(f"permissions {list(permissions)}; they are {', '.join(PERMISSIONS)}")
    return jwt.encode({"Allow": list(permissions)}, secret, algorithm="HS256")


def permissions_of(token: str, secret: bytes) -> tuple[str, ...]:
    """What a token grants; raises TokenError for a forged or foreign one."""
    try:
        allowed = jwt.decode(token, secret, algorithms=["HS256"])["Allow"]
    except (jwt.InvalidTokenError, KeyError, TypeError) as error:
        raise TokenError(f"the token is not valid: {error}") from None
    if not isinstance(allowed, list) or not all(each in PERMISSIONS for each in allowed):
        raise TokenError("the token grants what does not exist")
    return tuple(allowed)
