"""Answers of the chain exchange: how long one may be, and how much of them is remembered."""

import pytest
from thespis.actors.chain_exchange import actor as module
from thespis.actors.chain_exchange.actor import ChainExchange
from thespis.protocols.encoding.tuples import Unsigned
from thespis.protocols.wire.exchange import Options, Request, Response, Status

from tests.actors.chain.builder import extend, new_chain


@pytest.fixture(scope="module")
def chain():
    found = new_chain()
    extend(found, 7)
    return found


def sizes(items, key, count):
    found = []
    for _ in range(count):
        item, key = items.get(key, Options.HEADERS)
        found.append(len(item))
    return found


def collected(chain, length):
    """The answer to a request for `length` headers from the head."""
    request = Request(chain.head().key, Unsigned(length), Unsigned(Options.HEADERS))
    coroutine = ChainExchange()._collect(module._Items(chain), request)
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    response = Response.decode(stopped.value.value)
    return response.status, len(response.chain)


def test_an_answer_ends_before_the_tipset_that_would_pass_the_bound(chain, monkeypatch):
    assert module.RESPONSE_BYTES_MAX == 8 << 20
    two = sum(sizes(module._Items(chain), chain.head().key, 2))
    monkeypatch.setattr(module, "RESPONSE_BYTES_MAX", two)
    assert collected(chain, 5) == (Status.PARTIAL, 2)
    assert collected(chain, 2) == (Status.OK, 2)
    monkeypatch.setattr(module, "RESPONSE_BYTES_MAX", two - 1)
    assert collected(chain, 5) == (Status.PARTIAL, 1)
    monkeypatch.setattr(module, "RESPONSE_BYTES_MAX", 1)
    assert collected(chain, 5) == (Status.PARTIAL, 1), "one comes in any case"


def test_fewer_than_were_asked_for_are_partial_also_at_genesis(chain):
    tipsets = len(list(chain.history(chain.head())))
    assert collected(chain, tipsets) == (Status.OK, tipsets)
    assert collected(chain, tipsets + 1) == (Status.PARTIAL, tipsets)


def test_a_bounded_number_of_bytes_is_remembered_and_the_oldest_go(chain, monkeypatch):
    assert module.ITEMS_BYTES_MAX == 16 << 20
    keys = [tipset.key for tipset in chain.history(chain.head())][:4]
    three = sum(sizes(module._Items(chain), keys[0], 3))
    monkeypatch.setattr(module, "ITEMS_BYTES_MAX", three)
    items = module._Items(chain)
    sizes(items, keys[0], 3)
    assert [key for key, _options in items._known] == keys[:3], "at the bound"
    items.get(keys[3], Options.HEADERS)
    assert keys[0] not in [key for key, _options in items._known]
    assert sum(len(data) for data, _below in items._known.values()) <= three
