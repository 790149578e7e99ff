"""Why a store could not do what it was asked."""

from thespis.protocols.errors import OutsideError
from thespis.runtime.errors import RuntimeFloorError


class StoreError(RuntimeFloorError, OutsideError):
    """Root of the store's errors."""


class StoreLockedError(StoreError):
    """Another process has the store open for writing."""


class StoreCorruptError(StoreError):
    """What is on disk is not what was written."""


class StoreFullError(StoreError):
    """The disk has no room; nothing of the batch was applied."""


class StoreClosedError(StoreError):
    """The store was closed; open it again."""


class StoreUsageError(StoreError, ValueError):
    """An unknown column family, or a key or value over its bound."""
