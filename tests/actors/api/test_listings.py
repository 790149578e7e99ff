"""Listings without a bound of their own, asked for by many at once: gathered for all of them together."""

import json

import pytest
from thespis.actors.api.listings import Listings
from thespis.actors.messages.msg_pool import EstimateGas, ListMessages
from thespis.actors.simulation.network import SimulatedFilecoin
from thespis.runtime.actor.tasks import Pending, Task

from tests.actors.api.test_channels import Field

CALLERS = 200


class Gathering:
    """What is gathered, as often as the test lets it end."""

    def __init__(self):
        self.made, self.done = [], []
        self.listings = Listings(lambda coroutine: Task(coroutine, lambda _result, _error: None))

    def ask(self, name, kind="pool"):
        async def make():
            self.made.append(Pending())
            return await self.made[-1]

        def over(result, error):
            self.done.append((name, error or result))

        return Task(self.listings.get(kind, make), over)


def test_who_asks_while_a_listing_is_gathered_gets_the_next_one_together_with_the_others():
    field = Gathering()
    for name in ("first", "second", "third"):
        field.ask(name)
    assert len(field.made) == 1
    field.made[0].resolve(b"old")
    assert field.done == [("first", b"old")]
    assert len(field.made) == 2
    field.made[1].resolve(b"new")
    assert field.done[1:] == [("second", b"new"), ("third", b"new")]
    field.ask("later")
    assert len(field.made) == 3


def test_a_listing_that_fails_fails_for_those_who_waited_for_it():
    field = Gathering()
    field.ask("first")
    field.ask("second")
    field.made[0].fail(ValueError("no answer"))
    [(name, error)] = field.done
    assert name == "first"
    assert isinstance(error, ValueError)
    field.made[1].resolve(b"new")
    assert field.done[1] == ("second", b"new")


def test_a_caller_who_is_gone_takes_nothing_from_the_others():
    field = Gathering()
    gone = field.ask("gone")
    field.ask("second")
    gone.cancel()
    field.made[0].resolve(b"old")
    assert field.done == []
    field.made[1].resolve(b"new")
    assert field.done == [("second", b"new")]


def test_kinds_of_listings_do_not_wait_for_each_other():
    field = Gathering()
    field.ask("pool")
    field.ask("deals", kind="deals")
    assert len(field.made) == 2


@pytest.fixture
def strangers():
    """Callers of a node's Api, and what it asks the pool."""
    network = SimulatedFilecoin(5, 3, 2)
    network.run_to_genesis()
    network.run_epochs(2)
    field = Field(network)
    ask, asked = field.api.ask, []

    def noting(question, **arguments):
        if isinstance(question, ListMessages | EstimateGas):
            asked.append(question)
        return ask(question, **arguments)

    field.api.ask = noting
    yield field, asked
    network.close()


def test_the_pool_is_read_twice_for_two_hundred_strangers_who_ask_at_once(strangers):
    field, asked = strangers
    sender, receiver = (str(each.account) for each in field.network.identities[:2])
    message = {"From": sender, "To": receiver, "Value": "1"}
    sent = field.network.rpc(0, "MpoolPushMessage", message, None)
    numbers = [field.call("MpoolPending", [], connection=0, client=f"address {each}") for each in range(CALLERS)]
    field.network.run_epochs(0.5)
    assert len(asked) == 2
    answers = [field.answer(number) for number in numbers]
    assert {json.dumps(each) for each in answers} == {json.dumps(answers[0])}
    assert [each["CID"] for each in answers[0]["result"]] == [sent["CID"]]


def test_a_stranger_has_nothing_executed_in_the_pool(strangers):
    field, asked = strangers
    sender, receiver = (str(each.account) for each in field.network.identities[:2])
    number = field.call("GasEstimateMessageGas", {"From": sender, "To": receiver, "Value": "1"}, None, [])
    field.network.run_epochs(0.5)
    [question] = asked
    assert question.message.gas_limit == field.answer(number)["result"]["GasLimit"] > 0


def test_what_lies_where_on_the_machine_is_not_told_to_strangers(strangers):
    field, _asked = strangers
    number = field.call("Thespis.DealsList")
    assert "need 'write'" in field.answer(number)["error"]["message"]
