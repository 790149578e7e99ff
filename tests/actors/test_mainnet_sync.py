"""Mainnet's first 33 tipsets, over a real libp2p connection, into real processes and a real store."""

import threading
import time

import pytest
from thespian.actors import ActorSystem
from thespis.actors.chain.reader import ChainReader
from thespis.actors.chain_exchange.actor import compact
from thespis.actors.messages.syncer import ReadHead, ReadSync
from thespis.actors.node.actor import FilecoinNode
from thespis.actors.node.settings import NodeConfig
from thespis.protocols.encoding.cid import Cid
from thespis.protocols.encoding.tuples import BigInteger, ChainEpoch, Unsigned
from thespis.protocols.networks.genesis import MAINNET_GENESIS
from thespis.protocols.wire import exchange, hello, topics
from thespis.runtime.actor.handle import SupervisorHandle
from thespis.runtime.bases.process import ProcessBase
from thespis.runtime.p2p.host import Libp2pPort
from thespis.runtime.p2p.port import DialDone, HostSettings, PeerConnected, RequestArrived
from thespis.runtime.store.rocks import RocksReader

from tests.actors.mainnet import record
from tests.vectors import path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class MainnetPeer:
    """A peer that has mainnet's first tipsets: says hello and answers chain exchange from the vectors."""

    def __init__(self, folder):
        self.headers = {tipset.key: tipset for tipset in record().tipsets}
        self.asked = 0
        self.errors = []
        self.connected = threading.Event()
        settings = HostSettings(
            network="testnetnet",
            listen="/ip4/127.0.0.1/tcp/0",
            topics={},
            protocols={hello.PROTOCOL: 1 << 16, exchange.PROTOCOL: 1 << 16},
            dht_prefix="/fil/kad/testnetnet",
            message_id=topics.message_id,
            response_bytes_max=exchange.ANSWER_BYTES_MAX,
        )
        self.port = Libp2pPort(folder, settings, self.take)

    def take(self, event):
        if isinstance(event, RequestArrived):
            answer = self.hello if event.protocol == hello.PROTOCOL else self.exchange
            try:
                self.port.respond(event.number, answer(event.data))
            except Exception as error:
                self.errors.append(error)
        elif isinstance(event, DialDone):
            assert event.error == ""
        elif isinstance(event, PeerConnected):
            head = record().tipsets[-1]
            said = hello.Hello(head.key, ChainEpoch(head.height), BigInteger(head.parent_weight + 1), MAINNET_GENESIS)
            self.port.request(1, event.peer, hello.PROTOCOL, said.encode(), 5.0)
            self.connected.set()

    def hello(self, data):
        assert hello.parse_hello(data).genesis == MAINNET_GENESIS
        return hello.HelloReply(1, 2).encode()

    def exchange(self, data):
        self.asked += 1
        request = exchange.parse_request(data)
        key, chain = request.head, []
        while len(chain) < min(request.length, 10) and key in self.headers:
            tipset = self.headers[key]
            with_headers = request.options & exchange.Options.HEADERS
            messages = None
            if request.options & exchange.Options.MESSAGES:
                messages = compact([record().block_messages[cid] for cid in tipset.key])
            chain.append(exchange.ExchangedTipset(tipset.blocks if with_headers else (), messages))
            key = tipset.parents
        status = exchange.Status.OK if len(chain) == request.length else exchange.Status.PARTIAL
        return exchange.Response(Unsigned(status), "", tuple(chain)).encode()


def test_the_syncer_takes_mainnets_first_tipsets_from_a_peer(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "passphrase").write_text("mainnet")
    (home / "passphrase").chmod(0o600)
    genesis = (path("mainnet") / "genesis.car").read_bytes()
    base = ProcessBase(home, log_level="INFO")
    peer = MainnetPeer(tmp_path / "peer")
    try:
        system = ActorSystem(base, transientUnique=True)
        handle = SupervisorHandle(system, system.createActor(FilecoinNode))
        settings = NodeConfig().with_genesis(genesis).with_bootstrap(peer.port.addresses[0], min_peers=1, period_s=1.0)
        handle.start(settings.settings())
        assert peer.connected.wait(20)
        end, head = time.monotonic() + 60, None
        while time.monotonic() < end:
            head = handle.ask(ReadHead())
            if head.height == record().tipsets[-1].height:
                break
            time.sleep(0.2)
        status = handle.ask(ReadSync())
        assert head.head == record().tipsets[-1].key, status
        assert status.bad_blocks == 0
        handle.stop()
    finally:
        peer.port.close()
        base.shutdown()
    assert peer.errors == []
    assert peer.asked > 4, "in batches"
    reader = ChainReader(RocksReader.open(home / "datastore" / "chain"))
    heights = [tipset.height for tipset in reader.history(reader.head())]
    assert heights == [tipset.height for tipset in reversed(record().tipsets)]
    for tipset in record().tipsets:
        assert reader.index.at_height(tipset.height) == tipset.key
        for header, cid in zip(tipset.blocks, tipset.key, strict=True):
            assert reader.header(cid) == header
            if tipset.height:
                assert reader.block_messages(header) == record().block_messages[cid]
    assert isinstance(reader.head().key[0], Cid)
    reader.store.close()
