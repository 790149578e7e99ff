import dataclasses

import pytest
from thespis.protocols.chain.block import BlockHeader, Ticket
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset, ticket_hash
from thespis.protocols.consensus import block_messages
from thespis.protocols.consensus.block_messages import check_block_messages
from thespis.protocols.consensus.faults import ConsensusFault, consensus_fault
from thespis.protocols.consensus.fork_choice import prefers, widest_tipset
from thespis.protocols.crypto.signature import Signature, SignatureType, sign
from thespis.protocols.encoding.address import Address, AddressProtocol
from thespis.protocols.errors import BlockMessagesError, SignatureError

from tests.vectors import load


def mainnet_blocks():
    vectors = load("mainnet_first_tipsets.json")
    for case in vectors["cases"][1:]:
        for block in case["blocks"]:
            header = BlockHeader.decode(bytes.fromhex(block["header_cbor_hex"]))
            lists = {name: value for name, value in block.items() if isinstance(value, list)}
            bls, secpk = [], []
            for name, cids in sorted(lists.items()):
                for cid in cids:
                    data = bytes.fromhex(vectors["messages"][cid])
                    if name.startswith("bls"):
                        bls.append(Message.decode(data))
                    else:
                        secpk.append(SignedMessage.decode(data))
            yield header, bls, secpk


def key_of(address):
    if address.protocol not in (AddressProtocol.BLS, AddressProtocol.SECP256K1):
        raise SignatureError(f"{address} is no key address")
    return address


def test_mainnet_messages_are_committed_to_and_signed():
    total = 0
    for header, bls, secpk in mainnet_blocks():
        check_block_messages(header, bls, secpk, key_of)
        total += len(bls) + len(secpk)
    assert total > 10


def test_changed_messages_are_noticed():
    header, bls, secpk = next(parts for parts in mainnet_blocks() if len(parts[1]) > 1)
    for bad_bls, bad_secpk in ((bls[::-1], secpk), (bls[:-1], secpk), ([], secpk), (bls, [*secpk, _signed()])):
        with pytest.raises(BlockMessagesError, match="commits to"):
            check_block_messages(header, bad_bls, bad_secpk, key_of)
    for aggregate, named in (
        (None, "no BLS aggregate"),
        (Signature(SignatureType.BLS, b"\xc0" + bytes(95)), "not of the block"),
        (Signature(SignatureType.BLS, b"short"), "compressed bytes"),
    ):
        with pytest.raises(BlockMessagesError, match=named):
            check_block_messages(dataclasses.replace(header, bls_aggregate=aggregate), bls, secpk, key_of)


KEY = bytes(range(1, 33))


def _signed(**changes):
    from thespis.protocols.crypto.signature import address_of

    sender = address_of(SignatureType.SECP256K1, KEY)
    message = Message(0, Address.id(1), sender, 0, 1, 1000, 1, 1, 0, b"")
    signature = sign(SignatureType.SECP256K1, KEY, message.signing_bytes())
    return SignedMessage(dataclasses.replace(message, **changes), signature)


def _empty_block(secpk):
    from thespis.protocols.chain.block import save_message_meta
    from thespis.protocols.crypto import bls
    from thespis.protocols.ipld.blockstore import MemoryBlockstore

    header = next(mainnet_blocks())[0]
    root = save_message_meta(MemoryBlockstore(), [], [message.cid() for message in secpk])
    return dataclasses.replace(
        header, messages=root, bls_aggregate=Signature(SignatureType.BLS, bls.INFINITY_SIGNATURE)
    )


def test_secp256k1_messages_of_a_block():
    good, bad = _signed(), _signed(value=2)
    check_block_messages(_empty_block([good]), [], [good], key_of)
    with pytest.raises(BlockMessagesError, match="not of"):
        check_block_messages(_empty_block([bad]), [], [bad], key_of)
    with pytest.raises(SignatureError):
        good.check_signature(Address.id(3))


def test_nobody_looks_at_the_aggregate_of_no_messages():
    good = _signed()
    header = _empty_block([good])
    for kind, data in ((SignatureType.BLS, b"short"), (SignatureType.BLS, bytes(96)), (SignatureType.SECP256K1, b"")):
        check_block_messages(dataclasses.replace(header, bls_aggregate=Signature(kind, data)), [], [good], key_of)
    with pytest.raises(BlockMessagesError, match="no BLS aggregate"):
        check_block_messages(dataclasses.replace(header, bls_aggregate=None), [], [good], key_of)


def test_only_the_bytes_of_an_aggregate_count():
    header, bls, secpk = next(parts for parts in mainnet_blocks() if len(parts[1]) > 1)
    typed = Signature(SignatureType.SECP256K1, header.bls_aggregate.data)
    check_block_messages(dataclasses.replace(header, bls_aggregate=typed), bls, secpk, key_of)


def test_consensus_faults():
    first = next(mainnet_blocks())[0]
    same_height = dataclasses.replace(first, timestamp=first.timestamp + 1)
    later = dataclasses.replace(first, height=first.height + 1)
    assert consensus_fault(first, same_height) is ConsensusFault.DOUBLE_FORK_MINING
    assert consensus_fault(first, later) is ConsensusFault.TIME_OFFSET_MINING
    assert consensus_fault(later, first) is None
    assert consensus_fault(first, first) is None
    assert consensus_fault(first, dataclasses.replace(same_height, miner=Address.id(1))) is None
    sibling = dataclasses.replace(first, miner=Address.id(77))
    grinding = dataclasses.replace(later, parents=(sibling.cid(),))
    honest = dataclasses.replace(later, parents=(sibling.cid(), first.cid()))
    assert consensus_fault(first, grinding) is None
    assert consensus_fault(first, grinding, sibling) is ConsensusFault.PARENT_GRINDING
    assert consensus_fault(first, honest, sibling) is None
    assert consensus_fault(first, grinding, dataclasses.replace(sibling, height=0)) is None


def test_a_tipset_takes_one_block_of_each_miner():
    header = next(mainnet_blocks())[0]
    blocks = [
        dataclasses.replace(header, miner=Address.id(miner), ticket=Ticket(ticket))
        for miner, ticket in ((1, b"a"), (1, b"b"), (2, b"c"), (2, b"d"))
    ]
    named = [(block, block.cid()) for block in blocks]
    assert set(widest_tipset(blocks[0].cid(), named).blocks) == {blocks[0], blocks[2]}
    assert set(widest_tipset(blocks[1].cid(), named).blocks) == {blocks[1], blocks[2]}
    assert set(widest_tipset(blocks[3].cid(), named[::-1]).blocks) == {blocks[3], blocks[1]}


def test_fork_choice():
    header = next(mainnet_blocks())[0]
    headers = sorted(
        (dataclasses.replace(header, ticket=Ticket(b"%d" % n)) for n in range(2)), key=lambda h: ticket_hash(h.ticket)
    )
    low, high = (Tipset.of([one]) for one in headers)
    assert prefers(high, 2, low, 1)
    assert not prefers(low, 1, high, 2)
    assert prefers(low, 1, high, 1)
    assert not prefers(high, 1, low, 1)
    assert not prefers(low, 1, low, 1)


def test_a_block_has_a_bounded_number_of_messages(monkeypatch):
    """The bound is on both kinds together; Lotus build: BlockMessageLimit."""
    assert block_messages.BLOCK_MESSAGES_MAX == 10_000
    header, bls, secpk = next(parts for parts in mainnet_blocks() if parts[1] and parts[2])
    count = len(bls) + len(secpk)
    monkeypatch.setattr(block_messages, "BLOCK_MESSAGES_MAX", count)
    check_block_messages(header, bls, secpk, key_of)
    monkeypatch.setattr(block_messages, "BLOCK_MESSAGES_MAX", count - 1)
    with pytest.raises(BlockMessagesError, match=f"{count} messages"):
        check_block_messages(header, bls, secpk, key_of)
