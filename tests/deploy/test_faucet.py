"""The faucet: once an hour per address, not much more often per host, and never for nonsense."""

import httpx
import pytest
import trio
from starlette.testclient import TestClient
from thespis.deploy.faucet import ENTRIES_MAX, FORM_BYTES_MAX, Faucet, Limiter

ADDRESS = "f1e7nfpd7bowaifazzafo6q2ewattwpr6j5kt32yy"
OTHER = "f1dqam7z6w7o2kwkzeanzzxkhypcjt2qeddujbwci"


class Now:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.behaviour(202)
def test_the_limiter(monkeypatch):
    now = Now()
    limiter = Limiter(60.0, now)
    assert limiter.wait_s("a") == 0
    limiter.note("a")
    assert limiter.wait_s("a") == 60
    assert limiter.wait_s("b") == 0
    now.now = 61
    assert limiter.wait_s("a") == 0
    limiter.note("a")
    limiter.clear("a")
    assert limiter.wait_s("a") == 0
    monkeypatch.setattr("thespis.deploy.faucet.ENTRIES_MAX", 3)
    for key in "abcde":
        limiter.note(key)
    assert [limiter.wait_s(key) > 0 for key in "abcde"] == [False, False, True, True, True]
    assert ENTRIES_MAX > 1000


@pytest.mark.behaviour(202)
def test_taps():
    sent = []

    def send(target):
        if target == OTHER and not sent[1:]:
            sent.append("failed")
            raise RuntimeError("node away")
        sent.append(target)
        return "bafytest"

    client = TestClient(Faucet(send, "500 FIL", 0.5).app(), backend="trio")
    assert "500 FIL per address every 0.5 s" in client.get("/").text
    assert client.post("/tap?target=nonsense").status_code == 400
    assert client.post("/tap").status_code == 400
    for size, status in ((FORM_BYTES_MAX, 400), (FORM_BYTES_MAX + 1, 413)):
        assert client.post("/tap", content=b"target=".ljust(size, b"x")).status_code == status
    first = client.post(f"/tap?target={ADDRESS}")
    assert first.status_code == 200
    assert first.headers["Message-Cid"] == "bafytest"
    again = client.post("/tap", data={"target": ADDRESS})
    assert again.status_code == 429
    assert int(again.headers["Retry-After"]) >= 1
    trio.run(trio.sleep, 0.1)
    assert client.post(f"/tap?target={OTHER}").status_code == 502
    assert client.post(f"/tap?target={OTHER}").status_code == 200, "a failure costs nobody a turn"
    assert isinstance(first, httpx.Response)
