"""What can go wrong with a sector's files."""

from runtime.errors import RuntimeFloorError


class SectorError(RuntimeFloorError):
    """A sector cannot be sealed, read or proven as asked."""


class SectorDiskFullError(SectorError):
    """The disk has no room for a sector's files."""


class SectorDataError(SectorError):
    """A sector's files are missing, of another size, or not what was committed to."""
