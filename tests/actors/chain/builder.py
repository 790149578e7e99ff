"""Chains for tests, made by the node's own rules: real keys, real elections, real blocks, no actors."""

from thespis.actors.chain.writer import ChainWriter
from thespis.protocols.chain.block import ElectionProof, Ticket
from thespis.protocols.chain.message import Message, SignedMessage
from thespis.protocols.chain.tipset import Tipset
from thespis.protocols.consensus.block_making import signed_block, storage_challenge, storage_proof, unsigned_block
from thespis.protocols.crypto import bls
from thespis.protocols.crypto.signature import SignatureType, address_of, sign
from thespis.protocols.encoding.address import Address
from thespis.protocols.encoding.tuples import TokenAmount, Unsigned
from thespis.protocols.networks import genesis
from thespis.protocols.networks.devnet import DevnetParameters
from thespis.protocols.networks.genesis import GenesisAccount, GenesisMiner, GenesisTemplate
from thespis.protocols.networks.genesis_sectors import genesis_sector
from thespis.protocols.proofs.vanilla import prove_leaves
from thespis.runtime.store.memory import MemoryDisk

GENESIS_TIME_S = 1_600_000_000
BALANCE = 10**24
WORKER_KEYS = [(number + 1).to_bytes(32, "little") for number in range(4)]
WORKERS = [address_of(SignatureType.BLS, key) for key in WORKER_KEYS]
USER_KEYS = [(number + 1).to_bytes(32, "big") for number in range(4)]
USERS = [address_of(SignatureType.SECP256K1, key) for key in USER_KEYS]


VERSION_0 = {"upgrade_epoch": 10**9}
"""For a network that begins with the actors of version 0, and keeps them for as long as a test lasts."""


def template(miners=3, delay_s=1, upgrade_epoch=-1, **changes):
    parameters = DevnetParameters("testnet", GENESIS_TIME_S, delay_s, b"seed" * 8, "vanilla", 0, upgrade_epoch)
    accounts = tuple(GenesisAccount(address, BALANCE) for address in (*WORKERS, *USERS))
    found = {"parameters": parameters, "accounts": accounts}
    if isinstance(miners, int):
        miners = tuple(GenesisMiner(WORKERS[number], 1) for number in range(miners))
    return GenesisTemplate(**(found | {"miners": miners} | changes))


def genesis_car(miners=3, delay_s=1, **changes):
    return genesis.genesis_car(template(miners, delay_s, **changes))


def new_chain(miners=3, disk=None, **changes):
    chain = ChainWriter((disk or MemoryDisk()).open("chain"))
    chain.begin(genesis_car(miners, **changes))
    return chain


def make_block(chain, miner, parent, height, messages=()):
    """The block that a miner wins at a height, or None."""
    key = WORKER_KEYS[miner]
    context = chain.epoch_context(parent, height, Address.id(1000 + miner))
    entries = context.beacon_entries_due()
    proof = bls.sign(key, context.election_randomness(entries))
    wins = context.wins(proof)
    if wins < 1:
        return None
    ticket = Ticket(bls.sign(key, context.ticket_randomness(entries)))
    challenge = storage_challenge(context, entries, chain.provable_sectors(parent, height, context.miner))
    sector = genesis_sector(template().parameters, context.miner, int(challenge.sector.number)).sealed
    opened = prove_leaves(sector.replica, sector.column_rows[-1].tobytes(), challenge.leaves)
    storage = storage_proof(challenge, opened)
    header, sorted_messages = unsigned_block(context, entries, ElectionProof(wins, proof), ticket, messages, storage)
    return signed_block(header, sign(SignatureType.BLS, key, header.signing_bytes())), sorted_messages


def now_at(chain, height):
    return chain.genesis.profile.timestamp_of(height)


def add(chain, block, *, settle=True):
    """Add a block as the Syncer does; returns the change of head, if any."""
    header, messages = block
    chain.add_block(header, messages, now_at(chain, header.height))
    if not settle:
        return None
    tipset = chain.widest(header)
    chain.execute(tipset)
    return chain.choose(tipset)


def extend(chain, epochs, miners=(0, 1, 2), messages=()):
    """Mine over the head for some epochs; returns the blocks."""
    made = []
    for _ in range(epochs):
        parent = chain.head()
        blocks, height = [], parent.height
        while not blocks:
            height += 1
            found = [make_block(chain, miner, parent, height, messages) for miner in miners]
            blocks = [block for block in found if block is not None]
        for block in blocks:
            add(chain, block)
        made += blocks
        messages = ()
    return made


def fork(chain, parent, epochs, miner):
    """A chain of one miner over a tipset, which is not added to the head on purpose; returns its blocks."""
    made, height = [], parent.height
    while len(made) < epochs:
        height += 1
        block = make_block(chain, miner, parent, height)
        if block is None:
            continue
        header, messages = block
        chain.add_block(header, messages, now_at(chain, height))

        parent = Tipset.of([header])
        chain.execute(parent)
        made.append(block)
    return made


def transfer(sender=0, to=None, value=1000, nonce=0, premium=100_000, cap=10**9, limit=1_000_000, bls_sender=False):
    """A signed transfer between test accounts."""
    keys, addresses = (WORKER_KEYS, WORKERS) if bls_sender else (USER_KEYS, USERS)
    kind = SignatureType.BLS if bls_sender else SignatureType.SECP256K1
    message = Message(
        0, to or USERS[1], addresses[sender], Unsigned(nonce), TokenAmount(value), limit, TokenAmount(cap),
        TokenAmount(premium), Unsigned(0), b"",
    )  # fmt: skip
    return SignedMessage(message, sign(kind, keys[sender], message.signing_bytes()))
