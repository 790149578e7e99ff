import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.runtime.bases.frames import HEADER, Kind, pack_frame, parse_frame
from thespis.runtime.errors import FrameError

names = st.text(min_size=1, max_size=20)


@given(st.sampled_from(list(Kind)), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), names, names, st.binary())
def test_round_trip(kind, sequence, acknowledged, sender, target, payload):
    frame = parse_frame(pack_frame(kind, sequence, acknowledged, sender.encode(), target.encode(), payload))
    assert (frame.kind, frame.sequence, frame.acknowledged) == (kind, sequence, acknowledged)
    assert (frame.sender, frame.target, frame.payload) == (sender, target, payload)


@given(st.binary(max_size=100))
def test_any_bytes(data):
    try:
        frame = parse_frame(data)
    except FrameError:
        return
    assert pack_frame(frame.kind, frame.sequence, frame.acknowledged, frame.sender.encode(), frame.target.encode(),
                      frame.payload) == data  # fmt: skip


@pytest.mark.parametrize("data", [b"", bytes(HEADER.size), b"\x12" + bytes(18), b"\x01\xff\x00" + bytes(16)])
def test_bad_frames(data):
    with pytest.raises(FrameError):
        parse_frame(data)
