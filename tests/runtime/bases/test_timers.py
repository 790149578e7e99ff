from hypothesis import given
from hypothesis import strategies as st
from thespis.runtime.bases.timers import Timers


@given(st.lists(st.integers(0, 20), max_size=60), st.lists(st.integers(0, 25), max_size=10))
def test_fire_in_order_and_never_early(dues, instants):
    timers, fired = Timers(), []
    for index, due in enumerate(dues):
        timers.set(due, lambda index=index: fired.append(index))
    for instant in sorted(instants):
        timers.fire(instant)
        assert set(fired) == {index for index, due in enumerate(dues) if due <= instant}
    timers.fire(100)
    assert fired == sorted(range(len(dues)), key=lambda index: dues[index])
    assert len(timers) == 0
    assert timers.next_due_s() is None


def test_a_timer_set_while_firing_waits_for_the_next_time():
    timers, fired = Timers(), []
    timers.set(1, lambda: timers.set(1, lambda: fired.append("second")))
    timers.fire(1)
    assert fired == []
    timers.fire(1)
    assert fired == ["second"]
