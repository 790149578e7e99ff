"""``genesis``: make and read genesis files."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from thespis.deploy.cli.client import json_option
from thespis.deploy.cli.parameters import Count, Natural, Size, WritableFile, upgrade_option


@click.group()
def genesis() -> None:
    """Make and read genesis files."""


@genesis.command("new")
@click.argument("file", type=WritableFile())
@click.option("--seed", type=Natural, default=1, show_default=True, help="What keys and beacon follow from.")
@click.option("--miners", type=Count, default=1, show_default=True, help="Miners with power.")
@click.option("--accounts", type=Count, default=1, show_default=True, help="Funded accounts, no fewer than miners.")
@click.option("--block-time", type=Count, default=30, show_default=True, help="Seconds per epoch.")
@click.option("--sector-size", type=Size, default="2KiB", show_default=True, help="2KiB, 8MiB or 512MiB.")
@upgrade_option
@click.option("--time", "genesis_time", type=Natural, default=0, help="Unix seconds of genesis (default: now).")
@click.option("--sectors", type=click.Path(path_type=Path), help="Also seal the miners' sectors, in DIR/MINER.")
@json_option
def genesis_new(
    file: Path,
    *,
    seed: int,
    miners: int,
    accounts: int,
    block_time: int,
    sector_size: int,
    upgrade_epoch: int,
    genesis_time: int,
    sectors: Path | None,
    as_json: bool,
) -> None:
    """Write a genesis CAR; the same options give the same file. Prints the keys that follow from the seed.

    A miner proves its sectors with each block: what --sectors writes for it belongs into HOME/sectors.
    """
    from thespis.deploy.devnet.plan import DevnetPlan, write_sectors

    plan = DevnetPlan.make(
        file.parent, seed=seed, nodes=max(accounts, miners), miners=miners, block_time_s=block_time,
        base_port=1, genesis_time_s=genesis_time or int(time.time()), sector_bytes=sector_size,
        upgrade_epoch=upgrade_epoch,
    )  # fmt: skip
    car = plan.genesis_car()
    file.write_bytes(car)
    for node in plan.nodes:
        if sectors is not None and node.miner is not None:
            write_sectors(sectors / plan.said(node.miner), plan.template().parameters, node.miner)
    keys = [
        {
            "account": plan.said(node.account.address),
            "account_key": node.account.lotus_form(),
            "miner": plan.said(node.miner) if node.miner else None,
            "worker": plan.said(node.worker.address) if node.worker else None,
            "worker_key": node.worker.lotus_form() if node.worker else None,
        }
        for node in plan.nodes
    ]
    summary = {"file": str(file), "bytes": len(car), **describe(car), "keys": keys}
    click.echo(json.dumps(summary, indent=2) if as_json else _text(summary))


@genesis.command("show")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def genesis_show(file: Path, *, as_json: bool) -> None:
    """Say what a genesis CAR starts."""
    summary = describe(file.read_bytes())
    click.echo(json.dumps(summary, indent=2) if as_json else _text(summary))


def describe(car: bytes) -> dict[str, object]:
    """What a genesis file starts."""
    from thespis.protocols.networks.genesis import read_genesis

    genesis, store = read_genesis(car)
    profile = genesis.profile
    return {
        "cid": str(genesis.cid),
        "network": profile.name,
        "proofs": profile.proofs.value,
        "genesis_time_s": profile.genesis_time_s,
        "block_delay_s": profile.block_delay_s,
        "state_root": str(genesis.header.parent_state_root),
        "blocks": len(store),
    }


def _text(summary: dict[str, object]) -> str:
    lines = [f"{key}: {value}" for key, value in summary.items() if key != "keys"]
    keys = summary.get("keys")
    if isinstance(keys, list):
        lines += [json.dumps(each) for each in keys]
    return "\n".join(lines)
