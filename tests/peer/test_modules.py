"""The lists of Thespian's modules are complete: a new release cannot bring a test that nobody decided about."""

import pkgutil

import thespian.test

from tests.peer import modules


def test_every_module_is_included_or_excluded_with_a_reason():
    present = {info.name for info in pkgutil.iter_modules(thespian.test.__path__) if info.name.startswith("test_")}
    assert set(modules.INCLUDED) | set(modules.EXCLUDED) == present
    assert not set(modules.INCLUDED) & set(modules.EXCLUDED)
    assert set(modules.NOT_IN_SIMULATION) <= set(modules.INCLUDED)
    named = {name.partition(".")[0] for name in {*modules.EXCLUDED_TESTS, *modules.LONG_TESTS}}
    assert named <= set(modules.INCLUDED)
