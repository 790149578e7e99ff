"""Where a rule of version 2 stands follows from where the rule of version 0 stands: `v2/`, then the same file name."""

import inspect
import re
from pathlib import Path

import pytest
from thespis.protocols.builtin import registry

ROOT = Path(__file__).parents[3] / "protocols" / "builtin"
V2_FOLDERS = sorted(ROOT.glob("*/v2"))


def test_there_is_no_other_folder_of_a_version():
    assert {folder.parent.name for folder in V2_FOLDERS} == {
        "market", "multisig", "paych", "power", "reward", "storage_miner"
    }  # fmt: skip
    named = {path.name for path in ROOT.rglob("*") if path.is_dir() and "__" not in path.name}
    assert named == {path.parent.name for path in V2_FOLDERS} | {"v2", "init", "invariants", "queries"}


@pytest.mark.parametrize("folder", V2_FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_file_of_version_2_has_one_of_its_name_in_version_0(folder):
    assert {path.name for path in folder.glob("*.py")} <= {path.name for path in folder.parent.glob("*.py")}


@pytest.mark.parametrize("actor", sorted(registry.ACTORS[0]))
def test_a_method_stands_in_files_of_one_name(actor):
    older, newer = registry.ACTORS[0][actor], registry.ACTORS[2][actor]
    for number in set(older) & set(newer):
        assert newer[number].rule.__module__.replace(".v2.", ".") == older[number].rule.__module__, number


def test_report_consensus_fault_stands_in_a_file_of_its_name():
    for version in (0, 2):
        found = registry.ACTORS[version]["storageminer"][15].rule
        assert (found.__name__, found.__module__.rpartition(".")[2]) == ("report_consensus_fault", "consensus_fault")


@pytest.mark.parametrize("version", sorted(registry.ACTORS))
def test_every_method_names_its_source_in_the_reference(version):
    for actor, methods in registry.ACTORS[version].items():
        for number, method in methods.items():
            named = re.search(r"Source: .*``[a-z_]+\.go``", inspect.getdoc(method.rule))
            assert named, (
                f"method {number} of {actor}, {method.rule.__qualname__}, says nothing of where its rule is from"
            )
