"""Thespis: a Filecoin node in Python on the actor model.

This file is the root of the import package. In a checkout the four floors stand at the top level, and ``make setup``
links them below ``thespis`` in its environment; a wheel has them there as folders (pyproject.toml). So an installed
Thespis takes one name, and a project may have an ``actors/`` or a ``runtime/`` of its own.
"""

__version__ = "0.1.0"
"""The version of the distribution; pyproject.toml reads it from here."""
