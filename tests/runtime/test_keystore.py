import json
import logging
import pickle
import resource
import subprocess
import sys

import pytest
from thespis.runtime.actor.message import REGISTRY
from thespis.runtime.errors import MessageError
from thespis.runtime.keystore import (
    SECRET_BYTES_MAX,
    KdfCost,
    KeyExistsError,
    KeyNotFoundError,
    Keystore,
    KeystoreDamagedError,
    KeystoreError,
    Secret,
    WrongPassphraseError,
    passphrase_from,
)

CHEAP = KdfCost(operations=1, memory_bytes=8192)
PASSPHRASE = Secret(b"correct horse")


@pytest.fixture
def store(tmp_path):
    return Keystore.create(tmp_path / "keystore", PASSPHRASE, cost=CHEAP)


def reopen(tmp_path, passphrase=PASSPHRASE):
    return Keystore.unlock(tmp_path / "keystore", passphrase, least_cost=CHEAP)


def test_keys_survive_and_stay_sealed(store, tmp_path):
    store.put("f1abc", Secret(b"private key"))
    store.put("peer", Secret(b"other"))
    again = reopen(tmp_path)
    assert again.names() == ["f1abc", "peer"]
    assert again.get("f1abc").reveal() == b"private key"
    for path in (tmp_path / "keystore").iterdir():
        assert b"private key" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_wrong_passphrase_is_named(store, tmp_path):
    with pytest.raises(WrongPassphraseError, match="wrong passphrase"):
        reopen(tmp_path, Secret(b"wrong"))


def test_missing_existing_and_bad_names(store):
    store.put("a", Secret(b"1"))
    with pytest.raises(KeyExistsError):
        store.put("a", Secret(b"2"))
    with pytest.raises(KeyNotFoundError):
        store.get("b")
    with pytest.raises(KeyNotFoundError):
        store.delete("b")
    for name in ("../evil", "", "a/b", ".hidden", "x" * 200):
        with pytest.raises(KeystoreError):
            store.put(name, Secret(b"1"))
    with pytest.raises(KeystoreError):
        store.put("empty", Secret(b""))
    store.delete("a")
    assert store.names() == []


def test_damage_is_told_from_a_wrong_passphrase(store, tmp_path):
    store.put("a", Secret(b"1"))
    store.put("b", Secret(b"2"))
    folder = tmp_path / "keystore"
    (folder / "b.key").write_bytes((folder / "a.key").read_bytes())
    with pytest.raises(KeystoreDamagedError, match="exchanged"):
        store.get("b")
    data = bytearray((folder / "a.key").read_bytes())
    data[-1] ^= 1
    (folder / "a.key").write_bytes(data)
    with pytest.raises(KeystoreDamagedError):
        store.get("a")
    (folder / "params.json").write_text("{}")
    with pytest.raises(KeystoreDamagedError):
        reopen(tmp_path)


def test_cheapened_parameters_are_refused(store, tmp_path):
    with pytest.raises(KeystoreDamagedError, match="cheaper"):
        Keystore.unlock(tmp_path / "keystore", PASSPHRASE)
    path = tmp_path / "keystore" / "params.json"
    params = json.loads(path.read_text())
    assert params["kdf"] == "argon2id"


def test_secrets_do_not_print_pickle_or_travel(caplog):
    secret = Secret(b"do not show")
    logging.getLogger("x").warning("key %s %r", secret, secret)
    assert "do not show" not in caplog.text + repr(secret) + str([secret])
    with pytest.raises(KeystoreError):
        pickle.dumps(secret)
    with pytest.raises(MessageError):
        REGISTRY.encode(secret)
    secret.wipe()
    assert secret.reveal() == bytes(11)


def test_passphrase_sources(tmp_path):
    path = tmp_path / "pass"
    path.write_text("from file\n")
    path.chmod(0o644)
    with pytest.raises(KeystoreError, match="chmod 600"):
        passphrase_from(key_file=path)
    path.chmod(0o600)
    assert passphrase_from(key_file=path, environment={}).reveal() == b"from file"
    assert passphrase_from(environment={"THESPIS_PASSPHRASE": "env"}).reveal() == b"env"
    assert passphrase_from(environment={}) is None


def test_unlocking_turns_core_dumps_off(store, tmp_path):
    script = (
        "import resource, sys; from pathlib import Path;"
        "from thespis.runtime.keystore import *; c = KdfCost(1, 8192);"
        "Keystore.unlock(Path(sys.argv[1]), Secret(b'correct horse'), least_cost=c);"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "keystore")], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, resource.RLIM_INFINITY))
        if resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY else None,
    )  # fmt: skip
    assert result.stdout.strip() == "0"


@pytest.mark.slow
def test_default_cost(tmp_path):
    Keystore.create(tmp_path / "k", PASSPHRASE).put("a", Secret(b"1"))
    assert Keystore.unlock(tmp_path / "k", PASSPHRASE).get("a").reveal() == b"1"


def test_a_key_has_a_bounded_number_of_bytes(store):
    store.put("largest", Secret(b"k" * SECRET_BYTES_MAX))
    assert len(store.get("largest").reveal()) == SECRET_BYTES_MAX
    for data in (b"", b"k" * (SECRET_BYTES_MAX + 1)):
        with pytest.raises(KeystoreError, match=f"1 to {SECRET_BYTES_MAX}"):
            store.put("other", Secret(data))
    assert store.names() == ["largest"]


def test_what_stands_beside_the_keys_is_no_key(store, tmp_path):
    store.put("f1abc", Secret(b"key"))
    for stray in ("f1abc (copy).key", ".hidden.key", "README", "ä.key", "x" * 140 + ".key"):
        (tmp_path / "keystore" / stray).write_bytes(b"stray")
    (tmp_path / "keystore" / "folder.key").mkdir()
    assert store.names() == ["f1abc"]
