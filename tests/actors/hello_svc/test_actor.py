"""HelloSvc greets until it is answered, within reason, and each time with the head of that moment."""

import pytest
from thespis.actors.hello_svc.actor import AGAIN_AFTER_S, HelloSvc
from thespis.actors.messages.network import PeerError, PeerJoined, PeerMisbehaved
from thespis.actors.messages.syncer import Head, NewHead, PeerGreeted
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.wire.hello import Hello, HelloReply

GENESIS, HEAD, LATER = (Cid.of(name) for name in (b"genesis", b"head", b"later"))


class Greeter(HelloSvc):
    """Peers that are silent so many times, and then say something."""

    def __init__(self, silent, reply):
        super().__init__()
        self.genesis, self.head = GENESIS, Head((HEAD,), 5, 50)
        self.silent, self.reply = silent, reply
        self.said, self.told, self.slept = [], [], []

    async def ask(self, question):
        self.said.append(Hello.decode(question.data).heaviest_tipset_height)
        if len(self.said) <= self.silent:
            raise PeerError("the peer reset the stream")
        return self.reply

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.new_head(NewHead((LATER,), 6, 60, (), ()))

    def tell(self, notice):
        self.told.append(notice)
        return True

    def joined(self):
        with pytest.raises(StopIteration):
            self.greet(PeerJoined("peer")).send(None)


REPLY = HelloReply(1, 2).encode()
TRIES = len(AGAIN_AFTER_S) + 1


@pytest.mark.parametrize("silent", range(TRIES))
def test_who_was_starting_is_greeted_again_with_the_head_of_then(silent):
    greeter = Greeter(silent, REPLY)
    greeter.joined()
    assert greeter.said == [5, *[6] * silent]
    assert greeter.slept == list(AGAIN_AFTER_S[:silent])
    assert greeter.told == [PeerGreeted("peer")]


def test_who_stays_silent_is_let_be():
    greeter = Greeter(100, REPLY)
    greeter.joined()
    assert (len(greeter.said), greeter.told) == (TRIES, [])


def test_who_answers_nonsense_is_not_asked_again():
    greeter = Greeter(0, b"\xff")
    greeter.joined()
    assert [type(notice) for notice in greeter.told] == [PeerMisbehaved]
    assert greeter.slept == []
