"""What a query of a state raises when the state does not have what was asked for."""

from __future__ import annotations

from thespis.protocols.errors import ChainError


class QueryError(ChainError):
    """The state does not have what was asked of it."""


class ActorNotFoundError(QueryError):
    """There is no actor at an address."""


class AccountNotFoundError(QueryError):
    """There is no account at an address, so nobody can sign for it."""


class MinerNotFoundError(QueryError):
    """There is no miner at an address."""


class DeadlineNotFoundError(QueryError):
    """A proving period has no deadline of that number."""


class SectorNotFoundError(QueryError):
    """A miner has proven no sector of that number, or it is in no partition."""


class DealNotFoundError(QueryError):
    """The market has no deal of that number, or not any more."""
