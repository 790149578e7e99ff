"""The verified registry: who may name clients, and what is left of an allowance after verified deals."""

import pytest
from thespis.protocols.builtin.codes import MARKET, VERIFIED_REGISTRY
from thespis.protocols.builtin.market.deals import ClientDealProposal, DealProposal, PublishDealsParams
from thespis.protocols.builtin.verifreg import DEAL_BYTES_MIN, Allowance
from thespis.protocols.crypto.signature import SignatureType, sign
from thespis.protocols.encoding import cbor
from thespis.protocols.encoding.piece_cid import piece_cid_v1
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, TokenAmount, Unsigned
from thespis.protocols.vm.exit_codes import ExitCode

from tests.actors.chain.builder import USER_KEYS, USERS, VERSION_0, WORKERS
from tests.protocols.builtin.life import WORKER, Life

ROOT, VERIFIER, CLIENT = WORKERS[0], USERS[1], USERS[0]
ADD_VERIFIER, ADD_CLIENT = 2, 4
COLLATERAL = 10**18


@pytest.fixture(params=[0, 2])
def life(request):
    return Life(**(VERSION_0 if request.param == 0 else {}))


def allow(life, method, address, bytes_, sender):
    params = Allowance(life.state.resolve(address), BigInteger(bytes_))
    return life.send(VERIFIED_REGISTRY, method, params, sender=sender).exit_code


def test_an_allowance_has_a_least_size(life):
    assert DEAL_BYTES_MIN == 1 << 20
    assert allow(life, ADD_VERIFIER, VERIFIER, DEAL_BYTES_MIN - 1, ROOT) == ExitCode.ILLEGAL_ARGUMENT
    assert allow(life, ADD_VERIFIER, VERIFIER, DEAL_BYTES_MIN, CLIENT) == ExitCode.SYS_FORBIDDEN
    assert allow(life, ADD_VERIFIER, VERIFIER, DEAL_BYTES_MIN, ROOT) == ExitCode.OK
    assert allow(life, ADD_CLIENT, CLIENT, DEAL_BYTES_MIN - 1, VERIFIER) == ExitCode.ILLEGAL_ARGUMENT
    assert allow(life, ADD_CLIENT, CLIENT, DEAL_BYTES_MIN + 1, VERIFIER) == ExitCode.ILLEGAL_ARGUMENT, (
        "more than it has"
    )
    assert allow(life, ADD_CLIENT, CLIENT, DEAL_BYTES_MIN, VERIFIER) == ExitCode.OK


@pytest.mark.parametrize(("allowance", "deals"), [(2 * DEAL_BYTES_MIN, 2), (2 * DEAL_BYTES_MIN - 1, 1)])
def test_what_is_left_below_the_least_size_is_lost(life, allowance, deals):
    assert allow(life, ADD_VERIFIER, VERIFIER, allowance, ROOT) == ExitCode.OK
    assert allow(life, ADD_CLIENT, CLIENT, allowance, VERIFIER) == ExitCode.OK
    for sender, owner in ((CLIENT, CLIENT), (WORKER, life.miner)):
        life.ok(MARKET, 2, cbor.encode(owner.data), 10 * COLLATERAL, sender=sender)

    def publish(label):
        deal = DealProposal(
            piece_cid_v1(bytes(32)), Unsigned(DEAL_BYTES_MIN), True, CLIENT, life.miner, label,
            ChainEpoch(life.epoch + 60), ChainEpoch(life.epoch + 560), TokenAmount(1), TokenAmount(COLLATERAL),
            TokenAmount(COLLATERAL),
        )  # fmt: skip
        signed = ClientDealProposal(deal, sign(SignatureType.SECP256K1, USER_KEYS[0], deal.encode()))
        return life.send(MARKET, 4, PublishDealsParams((signed,))).exit_code

    codes = [publish(f"deal {number}") for number in range(3)]
    assert [code == ExitCode.OK for code in codes] == [number < deals for number in range(3)], life.reason
