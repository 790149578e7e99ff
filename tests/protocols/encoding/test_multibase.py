import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thespis.actors.api import forms
from thespis.protocols.encoding import multibase
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.multibase import decode_multibase
from thespis.protocols.errors import CidError

YES_MANI = (
    "f796573206d616e692021", "F796573206D616E692021",
    "vf5in683dc5n6i811", "Vf5in683dc5n6i811", "tf5in683dc5n6i811", "Tf5in683dc5n6i811",
    "bpfsxgidnmfxgsibb", "BPFSXGIDNMFXGSIBB", "cpfsxgidnmfxgsibb", "CPFSXGIDNMFXGSIBB",
    "k2lcpzo5yikidynfl", "K2LCPZO5YIKIDYNFL", "z7paNL19xttacUY", "Z7Pznk19XTTzBtx",
    "meWVzIG1hbmkgIQ", "MeWVzIG1hbmkgIQ==", "ueWVzIG1hbmkgIQ", "UeWVzIG1hbmkgIQ==",
    "001111001011001010111001100100000011011010110000101101110011010010010000000100001",
)  # fmt: skip
"""The multibase specification's own example, in each base."""


@pytest.mark.parametrize("text", YES_MANI)
def test_the_specifications_example(text):
    assert decode_multibase(text) == b"yes mani !"


@pytest.mark.parametrize(
    "text",
    [
        "", "b", "x796", "f7", "f7g", "b1", "ba", "baaa", "mA", "mAA==", "MAA", "M====", "ueW+", "meW-", "z0", "k-",
        "02", "bpf==", "cpfsxgi", "b" + "a" * multibase.TEXT_MAX,
    ],
)  # fmt: skip
def test_what_is_in_no_base(text):
    with pytest.raises(CidError):
        decode_multibase(text)


def test_the_longest_text():
    assert multibase.TEXT_MAX == 400
    assert len(decode_multibase("f" + "0" * 398)) == 199


def test_a_cid_in_each_base():
    cid = Cid.of(b"x")
    data = cid.data
    texts = [str(cid), str(cid).upper(), "f" + data.hex(), "F" + data.hex().upper()]
    old = "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"
    assert {Cid.from_any_text(text) for text in texts} == {cid}
    assert Cid.from_any_text(old) == Cid.from_text(old) == Cid.from_any_text("z" + old)


def test_clients_name_a_cid_in_any_base():
    data = Cid.of(b"x").data
    for text in ("f" + data.hex(), "u" + base64.urlsafe_b64encode(data).decode().rstrip("="), str(Cid.of(b"x"))):
        assert forms.cid({"/": text}) == Cid.of(b"x")
    with pytest.raises(CidError):
        forms.cid({"/": "f00"})


@given(st.text(max_size=30))
def test_any_text(text):
    try:
        decode_multibase(text)
    except CidError:
        pass
