"""What is remembered stays within its bound of bytes, and what is dropped is what was used longest ago."""

import threading
import time

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


class Yielding(dict):
    """Lets other threads run where one has taken something out and not yet booked it."""

    def pop(self, *arguments):
        found = super().pop(*arguments)
        time.sleep(0)
        return found


def test_threads_that_remember_at_once_keep_the_bound():
    """The Api reads in threads; a sum that drifts would let the memory grow, or forget everything."""
    remembered, errors = Remembered(100), []
    remembered._values = Yielding()

    def use():
        try:
            for step in range(500):
                key = step % 3
                remembered.put(key, key, 10 + key)
                remembered.get(key)
                remembered.forget((key + 1) % 3)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert remembered.size_bytes == sum(10 + key for key in list(remembered._values))
