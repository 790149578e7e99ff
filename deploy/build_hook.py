"""What the build makes of a checkout: in a wheel the root of the import package, in an editable installation links.

The four floors stand at the top of a checkout and below ``thespis`` once installed. An editable installation puts a
folder of links on the path instead of an import hook, since type checker and import linter follow links and no hook,
and a new file is there without another installation.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKS = Path("build", "checkout")
"""Where an editable installation points (pyproject.toml: ``dev-mode-dirs``)."""
FLOORS = ("actors", "protocols", "runtime", "deploy")


class ThespisBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts ``deploy/package/`` at the root of the import package."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Include the root in a wheel (version ``standard``), or lay the links for the version ``editable``."""
        root = Path(self.root)
        files = sorted(path for path in (root / "deploy" / "package").iterdir() if path.is_file())
        if version != "editable":
            build_data["force_include"].update({str(path): f"thespis/{path.name}" for path in files})
            return
        package = root / LINKS / "thespis"
        shutil.rmtree(package, ignore_errors=True)
        package.mkdir(parents=True)
        for path in [*files, *(root / floor for floor in FLOORS)]:
            (package / path.name).symlink_to(path)
