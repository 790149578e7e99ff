import os
import subprocess
import sys

import pytest
from thespis.runtime.repo import Repo, RepoError, RepoExistsError, RepoLockedError, RepoMissingError, RepoVersionError


def test_init_in_new_nested_folder_and_in_an_empty_one(tmp_path):
    repo = Repo.init(tmp_path / "a" / "b")
    assert {path.name for path in repo.home.iterdir()} == {"version", "config.toml", "keystore", "datastore"}
    assert repo.home.stat().st_mode & 0o777 == 0o700
    (tmp_path / "empty").mkdir()
    Repo.init(tmp_path / "empty")
    assert Repo.open(tmp_path / "empty").home == tmp_path / "empty"


def test_second_init_is_refused_and_changes_nothing(tmp_path):
    repo = Repo.init(tmp_path / "home")
    before = repo.config_path.read_bytes()
    with pytest.raises(RepoExistsError, match="already initialized"):
        Repo.init(tmp_path / "home")
    assert repo.config_path.read_bytes() == before


def test_init_refuses_a_folder_in_use(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.doc").touch()
    with pytest.raises(RepoError, match="not an empty folder"):
        Repo.init(tmp_path / "home")


def test_failed_init_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_arguments, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("thespis.runtime.repo.write_atomically", fail)
    with pytest.raises(RepoError, match="No space"):
        Repo.init(tmp_path / "deep" / "home")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_read_only_parent(tmp_path):
    parent = tmp_path / "readonly"
    parent.mkdir(mode=0o555)
    script = f"""
import os
from pathlib import Path
from thespis.runtime.repo import Repo, RepoError
os.setuid(65534)
try:
    Repo.init(Path({str(parent / "home")!r}))
except RepoError as error:
    print("refused", error)
"""
    tmp = tmp_path
    while tmp != tmp.parent:  # let nobody walk down to the folder
        tmp.chmod(tmp.stat().st_mode | 0o011)
        if tmp.name.startswith("pytest-of"):
            break
        tmp = tmp.parent
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "refused" in output
    assert "ermission denied" in output
    assert list(parent.iterdir()) == []


def test_open_names_what_is_wrong(tmp_path):
    with pytest.raises(RepoMissingError, match="thespis init"):
        Repo.open(tmp_path / "home")
    repo = Repo.init(tmp_path / "home")
    (repo.home / "version").write_text("7\n")
    with pytest.raises(RepoVersionError, match="'7'"):
        Repo.open(repo.home)


def test_lock_names_its_holder_and_is_given_free(tmp_path):
    first = Repo.init(tmp_path / "home")
    first.lock()
    second = Repo.open(first.home)
    with pytest.raises(RepoLockedError, match=f"process {os.getpid()}"):
        second.lock()
    first.close()
    assert not (first.home / "repo.lock").exists()
    second.lock()
    second.close()
    second.close()


def test_lock_of_a_killed_process_is_free(tmp_path):
    repo = Repo.init(tmp_path / "home")
    script = (
        "import os, signal, sys; from pathlib import Path; from thespis.runtime.repo import Repo;"
        "repo = Repo.open(Path(sys.argv[1])); repo.lock(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.run([sys.executable, "-c", script, str(repo.home)], check=False)
    assert process.returncode == -9
    repo.lock()
    repo.close()


def test_api_file(tmp_path):
    repo = Repo.init(tmp_path / "home")
    with pytest.raises(RepoError, match="is the daemon running"):
        repo.api()
    (repo.home / "api").write_text("/ip4/127.0.0.1/tcp/2")
    assert repo.api() == "/ip4/127.0.0.1/tcp/2"
    repo.close()
    assert not (repo.home / "api").exists()
    repo.close()
