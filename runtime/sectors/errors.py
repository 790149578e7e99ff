"""What can go wrong with a sector's files."""

from thespis.runtime.errors import RuntimeFloorError


class SectorError(RuntimeFloorError):
    """A sector cannot be sealed, read or proven as asked."""


class SectorDiskFullError(SectorError):
    """The disk has no room for a sector's files."""


class SectorDataError(SectorError):
    """A sector's files are missing, of another size, or not what was committed to."""


def sector_error(kind: str, reason: str) -> SectorError:
    """The error that a worker named; an unknown kind is a SectorError that says it."""
    kinds = {cls.__name__: cls for cls in (SectorError, SectorDiskFullError, SectorDataError)}
    return kinds[kind](reason) if kind in kinds else SectorError(f"{kind}: {reason}")
