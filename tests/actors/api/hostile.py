"""Parameters that nobody honest sends, and honest ones to put them between."""

from thespis.actors.api import forms

CID = {"/": "bafy2bzacebmmyhjvm4vqs5ze27hi5hcuxg5kt4abf6wwbfx7lw6vxhy5vsnsq"}
NUMBERS = [0, -1, 1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 10**400, True]
FRACTIONS = [0.5, -0.0, 1e308, 1.0, 2.0**70]
TEXTS = [
    "", " ", "0", "-1", "1_000", "\u0663", "9" * 308, "9" * 5000, "\ud800", "a\udfffb", "\x00", "f0", "t01000",
    "f01000", "f0" + "9" * 30, "f2" + "a" * 40, "f3" + "a" * 90, "f4", "x" * 5000, "AA==", "AAA", "not base64!", "bafy",
    "Qm" + "1" * 44, "F01551220" + "00" * 32, "mAXASIA", "\U0001f600" * 10, "../../etc/passwd", "/", "12D3KooW",
    "/ip4/1.2.3.4/tcp/1",
]  # fmt: skip


def nested(depth, leaf=None):
    for _ in range(depth):
        leaf = [leaf]
    return leaf


LISTS = [
    [],
    [None],
    [0] * 20_000,
    [""],
    [CID] * 3,
    [CID] * 5000,
    [[]],
    nested(500),
    [2**64],
    [2**63, 2**63],
    ["\ud800"],
    [-1],
    [1.5],
]
OBJECTS = [
    {},
    {"/": None},
    {"/": 7},
    {"/": "\ud800"},
    {"/": "b" * 5000},
    CID,
    {"": {}},
    {"Type": 2**70},
    {"a": nested(200)},
]
HOSTILE = [None, *NUMBERS, *FRACTIONS, *TEXTS, *LISTS, *OBJECTS]


def compounds(account):
    """Objects whose fields are hostile one by one."""
    message = {"From": account, "To": "f01000", "Value": "1", "Method": 0, "Params": None, "Nonce": 0, "GasLimit": 0}
    signature = {"Type": 1, "Data": "AA=="}
    header = {
        "Miner": "f01000", "Ticket": {"VRFProof": "AA=="}, "ElectionProof": {"WinCount": 1, "VRFProof": "AA=="},
        "BeaconEntries": [{"Round": 1, "Data": "AA=="}], "WinPoStProof": [{"PoStProof": 0, "ProofBytes": "AA=="}],
        "Parents": [CID], "ParentWeight": "0", "Height": 1, "ParentStateRoot": CID, "ParentMessageReceipts": CID,
        "Messages": CID, "BLSAggregate": signature, "Timestamp": 1, "BlockSig": signature, "ForkSignaling": 0,
        "ParentBaseFee": "100",
    }  # fmt: skip
    block = {"Header": header, "BlsMessages": [], "SecpkMessages": []}
    return message, signature, header, block


def with_one_hostile(value):
    """An object with each of its fields replaced by each hostile value, and with each left out."""
    for name in value:
        yield {key: each for key, each in value.items() if key != name}
        for hostile in HOSTILE:
            yield {**value, name: hostile}


def honest(account):
    """What each parser takes."""
    message, signature, header, block = compounds(account)
    return {
        forms.text: "bls", forms.integer: 1, forms.natural: 1, forms.height: 1, forms.integers: [1, 2],
        forms.optional_integer: None, forms.optional_bitfield: [1, 2], forms.boolean: True, forms.anything: {},
        forms.amount: "1", forms.key_type: "bls", forms.binary: "AA==",
        forms.cid: CID, forms.address: account, forms.key: [],
        forms.texts: ["read"], forms.signature: signature, forms.message: message, forms.identity: 1,
        forms.signed: {"Message": message, "Signature": signature}, forms.send_spec: {"MaxFee": "0"},
        forms.block_message: block, forms.header: header,
    }  # fmt: skip


def hostile_for(parser, account):
    """What a parameter is tried with."""
    message, signature, header, block = compounds(account)
    extra = {
        forms.message: with_one_hostile(message),
        forms.signature: with_one_hostile(signature),
        forms.signed: ({"Message": each, "Signature": signature} for each in with_one_hostile(message)),
        forms.send_spec: with_one_hostile({"MaxFee": "0"}),
        forms.anything: with_one_hostile({"Type": "bls", "PrivateKey": "AA==", "ID": "x", "Addrs": [], "KeyInfo": []}),
        forms.block_message: (
            *with_one_hostile(block), *({**block, "Header": each} for each in with_one_hostile(header)),
            *({**block, "Header": {**header, name: each}} for name, inner in header.items()
              if isinstance(inner, dict) for each in with_one_hostile(inner)),
            *({**block, "Header": {**header, name: [each]}} for name, [inner] in
              ((name, inner) for name, inner in header.items() if isinstance(inner, list))
              for each in (*with_one_hostile(inner), *HOSTILE)),
        ),
    }  # fmt: skip
    yield from HOSTILE
    yield from extra.get(parser, ())
