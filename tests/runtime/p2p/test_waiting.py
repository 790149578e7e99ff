"""Gossip between two threads: bounded in number and in bytes, and counted right without a lock."""

import threading

from thespis.runtime.p2p.waiting import Waiting


def test_what_waits_is_bounded_in_number_and_in_bytes():
    waiting = Waiting(3, 100)
    assert [waiting.give(size) for size in (40, 60, 1)] == [True, True, False]
    waiting.take(40)
    assert [waiting.give(size) for size in (40, 0, 0)] == [True, True, False]
    assert (waiting.count, waiting.size, waiting.dropped) == (3, 100, 2)


def test_two_threads_lose_no_count():
    waiting, given = Waiting(1000, 1 << 30), []
    done = threading.Event()

    def take():
        taken = 0
        while not done.is_set() or taken < len(given):
            if taken < len(given):
                waiting.take(given[taken])
                taken += 1

    taker = threading.Thread(target=take)
    taker.start()
    for number in range(100_000):
        if waiting.give(number % 7):
            given.append(number % 7)
    done.set()
    taker.join()
    assert (waiting.count, waiting.size) == (0, 0)
    assert len(given) + waiting.dropped == 100_000
