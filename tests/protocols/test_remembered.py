"""What is remembered stays within its bound of bytes, and what is dropped is what was used longest ago."""

from hypothesis import given
from hypothesis import strategies as st
from thespis.protocols.remembered import Remembered


@given(st.lists(st.tuples(st.sampled_from(["put", "get", "forget"]), st.integers(0, 9), st.integers(0, 120))))
def test_the_bound_holds_whatever_happens(steps):
    remembered, model = Remembered(100), {}
    for step, key, size in steps:
        if step == "get":
            assert remembered.get(key) == (model[key] if key in model else None)
            if key in model:
                model[key] = model.pop(key)
        elif step == "forget":
            remembered.forget(key)
            model.pop(key, None)
        else:
            remembered.put(key, size, size)
            model.pop(key, None)
            if size <= 100:
                model[key] = size
                while sum(model.values()) > 100:
                    del model[next(iter(model))]
        assert remembered.size_bytes == sum(model.values()) <= 100
        assert len(remembered) == len(model)
    remembered.clear()
    assert (remembered.size_bytes, len(remembered)) == (0, 0)
