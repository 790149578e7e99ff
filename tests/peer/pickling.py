"""A codec that pickles, for Thespian's own test suite only; nothing outside tests/ may import it."""

import pickle


class PicklingCodec:
    def encode(self, message):
        return pickle.dumps(message)

    def decode(self, data):
        return pickle.loads(data)
