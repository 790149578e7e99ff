"""The network's conformance corpus: exit code, return value, gas used, receipts and state roots must match."""

import pytest

from tests import vectors
from tests.conformance.runner import cases, run, run_tipsets

FAMILIES = (
    "actor_creation", "actor_deletion", "extracted", "msg_application", "multisig", "nested", "paych", "transfer",
    "vm_violations",
)  # fmt: skip
TIPSET_FAMILIES = ("reward", "msg_application")


def family(name, kind="message"):
    found = cases(vectors.path("conformance"), name, kind)
    assert found
    return found


@pytest.mark.parametrize("name", FAMILIES)
def test_messages(name):
    for case in family(name):
        assert run(case) == [], case.name


@pytest.mark.parametrize("name", TIPSET_FAMILIES)
def test_tipsets(name):
    for case in family(name, "tipset"):
        assert run_tipsets(case) == [], case.name


def test_variants_marked_incorrect_end_as_they_were_recorded():
    """Their authors held the outcome to be no specification; it is what the network did, and so must we."""
    root, checked = vectors.path("conformance"), 0
    for kind, names, apply in (("message", FAMILIES, run), ("tipset", TIPSET_FAMILIES, run_tipsets)):
        for name in names:
            for case in cases(root, name, kind, incorrect=True):
                assert apply(case) == [], case.name
                checked += 1
    assert checked == 146


def test_no_family_is_left_out():
    named = {each.name for each in vectors.path("conformance").iterdir() if each.is_dir()}
    assert named == {*FAMILIES, *TIPSET_FAMILIES}
