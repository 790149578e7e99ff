"""Mainnet's first tipsets, out of the vectors."""

import json
from functools import cache

from thespis.protocols.chain.block import BlockHeader, BlockMessages
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.encoding.cid import Cid

from tests.vectors import path


class Record:
    """The vector file, parsed once."""

    def __init__(self):
        data = json.loads(path("mainnet_first_tipsets.json").read_text())
        self.messages = {Cid.from_text(k): bytes.fromhex(v) for k, v in data["messages"].items()}
        self.tipsets = []
        self.block_messages = {}
        for case in data["cases"]:
            headers = [BlockHeader.decode(bytes.fromhex(block["header_cbor_hex"])) for block in case["blocks"]]
            self.tipsets.append(Tipset.of(headers))
            for block in case["blocks"]:
                self.block_messages[Cid.from_text(block["cid"])] = self._messages(block)

    def _messages(self, block):
        bls, secpk = [], []
        for value in block.values():
            for text in value if isinstance(value, list) else ():
                data = self.messages[Cid.from_text(text)]
                if data[0] == 0x82:
                    secpk.append(SignedMessage.decode(data))
                else:
                    bls.append(Message.decode(data))
        return BlockMessages(tuple(bls), tuple(secpk))


@cache
def record():
    return Record()
