"""What a worker's process has done, as its watch over hanging jobs reads it."""

import time

from thespis.runtime.sectors import port as port_module
from thespis.runtime.sectors.port import ThreadSectorPort


def test_work_is_seen_by_processor_time_and_by_bytes_and_waiting_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(port_module, "CPU_STEP_S", 0.2)
    port = ThreadSectorPort(tmp_path, 1, lambda _event: None)
    before = port.work_done()
    (tmp_path / "copy").write_bytes(bytes(port_module.MOVED_STEP_BYTES))
    moved = port.work_done()
    assert moved[1] == before[1] + 1
    begun = time.process_time()
    while time.process_time() - begun < 0.25:
        pass
    assert port.work_done()[0] > before[0]
