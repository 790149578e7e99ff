"""``net``, ``swarm``, ``ping``, ``dht``, ``bootstrap``, ``stats``, ``id``, ``log``: the node among others."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import click
from thespis.deploy.cli.client import call, json_option, link, print_fields, print_lines, show
from thespis.deploy.cli.parameters import CidText, Count
from thespis.deploy.cli.tables import print_table


@click.group()
def net() -> None:
    """See and change who is connected."""


@net.command("peers")
@click.option("-v", "--verbose", is_flag=True, help="Agent and protocols too.")
@click.option("--latency", is_flag=True, help="Ping each.")
@json_option
@click.pass_context
def net_peers(ctx: click.Context, *, verbose: bool, latency: bool, as_json: bool) -> None:
    """List connected peers."""
    peers = call(ctx, "NetPeers")
    for peer in peers:
        if verbose:
            peer.update(call(ctx, "NetPeerInfo", peer["ID"]))
        if latency:
            peer["LatencyNs"] = call(ctx, "NetPing", peer["ID"])

    def text(found: list[Any]) -> None:
        for peer in found:
            extra = f"  {peer['LatencyNs'] / 1e6:.2f} ms" if latency else ""
            click.echo(f"{peer['ID']}, {peer['Addrs']}{extra}")
            for protocol in peer.get("Protocols", []):
                click.echo(f"  {protocol}")

    show(peers, as_json=as_json, text=text)


@net.command("listen")
@json_option
@click.pass_context
def net_listen(ctx: click.Context, *, as_json: bool) -> None:
    """Print where the node listens."""
    show(
        call(ctx, "NetAddrsListen"),
        as_json=as_json,
        text=lambda info: print_lines(f"{address}/p2p/{info['ID']}" for address in info["Addrs"]),
    )


@net.command("id")
@click.pass_context
def net_id(ctx: click.Context) -> None:
    """Print the peer id."""
    click.echo(call(ctx, "ID"))


@net.command("connect")
@click.argument("addresses", nargs=-1, required=True)
@click.pass_context
def net_connect(ctx: click.Context, addresses: tuple[str, ...]) -> None:
    """Dial multiaddresses that end in a peer id."""
    from multiaddr import Multiaddr
    from multiaddr.exceptions import Error as MultiaddrError

    failed = 0
    for address in addresses:
        base, separator, peer = address.rpartition("/p2p/")
        try:
            if not separator:
                raise ValueError("it does not end in /p2p/ and a peer id")
            Multiaddr(address)
            call(ctx, "NetConnect", {"ID": peer, "Addrs": [base]})
        except (ValueError, MultiaddrError) as error:
            click.echo(f"connect {address}: invalid address: {error}", err=True)
            failed += 1
        else:
            click.echo(f"connect {peer}: success")
    sys.exit(1 if failed else 0)


@net.command("disconnect")
@click.argument("peer")
@click.pass_context
def net_disconnect(ctx: click.Context, peer: str) -> None:
    """Close the connections to a peer."""
    call(ctx, "NetDisconnect", peer)


@net.command("findpeer")
@click.argument("peer")
@click.pass_context
def net_findpeer(ctx: click.Context, peer: str) -> None:
    """Ask the DHT where a peer is."""
    for address in call(ctx, "NetFindPeer", peer)["Addrs"]:
        click.echo(address)


@net.command("scores")
@json_option
@click.pass_context
def net_scores(ctx: click.Context, *, as_json: bool) -> None:
    """Print the peers' gossip scores."""
    show(
        call(ctx, "NetPubsubScores"),
        as_json=as_json,
        text=lambda found: print_table(("PEER", "SCORE"), [(each["ID"], each["Score"]["Score"]) for each in found]),
    )


@net.command("bandwidth")
@json_option
@click.pass_context
def net_bandwidth(ctx: click.Context, *, as_json: bool) -> None:
    """Print bytes on the wire."""
    from thespis.protocols.encoding.units import format_size

    def text(stats: Any) -> None:
        click.echo(f"Total In:  {format_size(stats['TotalIn'])}\nTotal Out: {format_size(stats['TotalOut'])}")
        click.echo(
            f"Rate In:   {format_size(int(stats['RateIn']))}/s\nRate Out:  {format_size(int(stats['RateOut']))}/s"
        )

    show(call(ctx, "NetBandwidthStats"), as_json=as_json, text=text)


@click.group()
def swarm() -> None:
    """The seed's names for `net`."""


swarm.add_command(net_connect, "connect")
swarm.add_command(net_peers, "peers")
swarm.add_command(net_findpeer, "findpeer")


@click.group()
def stats() -> None:
    """See what the node counts of its traffic."""


stats.add_command(net_bandwidth, "bandwidth")


@click.command()
@click.argument("peer")
@click.option("-c", "--count", type=Count, default=10, show_default=True, help="How many.")
@click.pass_context
def ping(ctx: click.Context, peer: str, *, count: int) -> None:
    """Measure round trips to a peer."""
    click.echo(f"PING {peer}")
    times = []
    for number in range(count):
        nanoseconds = call(ctx, "NetPing", peer)
        times.append(nanoseconds / 1e6)
        click.echo(f"Pong received: time={times[-1]:.2f} ms")
        if number + 1 < count:
            time.sleep(0.2)
    if times:
        click.echo(f"Average latency: {statistics.fmean(times):.2f} ms")


@click.group()
def dht() -> None:
    """Ask the routing table."""


@dht.command("findprovs")
@click.argument("key", type=CidText)
@click.option("-n", "--num-providers", type=Count, default=20, show_default=True, help="At most.")
@click.pass_context
def dht_findprovs(ctx: click.Context, key: str, *, num_providers: int) -> None:
    """Print who provides a CID."""
    for peer in call(ctx, "Thespis.NetFindProviders", link(key))[:num_providers]:
        click.echo(peer)


@dht.command("findpeer")
@click.argument("peer")
@click.pass_context
def dht_findpeer(ctx: click.Context, peer: str) -> None:
    """Print where a peer is."""
    for address in call(ctx, "NetFindPeer", peer)["Addrs"]:
        click.echo(address)


@click.group()
def bootstrap() -> None:
    """Peers that are dialled at start."""


@bootstrap.command("ls")
@json_option
@click.pass_context
def bootstrap_ls(ctx: click.Context, *, as_json: bool) -> None:
    """List them."""
    show(call(ctx, "Thespis.Bootstrap"), as_json=as_json, text=print_lines)


@click.command("id")
@click.option("-f", "--format", "form", default="", help="A text with <id>, <aver>, <addrs>, \\n and \\t.")
@json_option
@click.pass_context
def node_id(ctx: click.Context, *, form: str, as_json: bool) -> None:
    """Print the node's identity."""
    listen, version = call(ctx, "NetAddrsListen"), call(ctx, "Version")
    addresses = [f"{address}/p2p/{listen['ID']}" for address in listen["Addrs"]]
    data = {"ID": listen["ID"], "AgentVersion": f"{version['Agent']}/{version['Version']}", "Addresses": addresses}
    if form:
        text = form.replace("\\n", "\n").replace("\\t", "\t")
        for mark, value in (("<id>", data["ID"]), ("<aver>", data["AgentVersion"]), ("<addrs>", "\n".join(addresses))):
            text = text.replace(mark, str(value))
        click.echo(text, nl=False)
        return
    show(data, as_json=as_json, text=print_fields)


@click.group()
def log() -> None:
    """What the node's processes write to its log."""


@log.command("ls")
@click.pass_context
def log_ls(ctx: click.Context) -> None:
    """List what has a level: roles, and the loggers of the Api's process."""
    for name in call(ctx, "LogList"):
        click.echo(name)


@log.command("level")
@click.argument("level")
@click.option("--subsystem", default="*", help="A role or a logger, with or without `thespis.` (default: all).")
@click.pass_context
def log_level(ctx: click.Context, level: str, *, subsystem: str) -> None:
    """Change the level of every process to debug, info, warn, error or critical, until the node stops.

    The launcher, which is no actor, keeps the one that it was started with.
    """
    call(ctx, "LogSetLevel", subsystem, level)
