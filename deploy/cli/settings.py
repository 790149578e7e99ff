"""``init``, ``config`` and ``version``: commands that need no running node."""

from __future__ import annotations

import json
from pathlib import Path

import click
from thespis.runtime.repo import Repo, default_home


def home_of(ctx: click.Context) -> Path:
    """The home directory that ``--home``, the environment or the default names."""
    found = ctx.find_root().obj
    return Path(found).expanduser() if found else default_home()


@click.command()
@click.pass_context
def init(ctx: click.Context) -> None:
    """Make a node's home directory."""
    from thespis.deploy.nodes import SETTINGS

    repo = Repo.init(home_of(ctx), SETTINGS.default_text())
    click.echo(f"initialized {repo.home}")


@click.group()
def config() -> None:
    """Read and change settings."""


@config.command("get")
@click.argument("key", default="")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def config_get(ctx: click.Context, key: str, *, as_json: bool) -> None:
    """Print a setting, a section, or everything in force."""
    from thespis.deploy.nodes import SETTINGS

    value = SETTINGS.load(Repo.open(home_of(ctx)).config_path).get(key)
    if as_json or not isinstance(value, dict):
        click.echo(json.dumps(value, indent=2) if as_json or not isinstance(value, str) else value)
        return
    import tomlkit

    click.echo(tomlkit.dumps(value).rstrip())


@config.command("set")
@click.argument("key")
@click.argument("value")
@click.pass_context
def config_set(ctx: click.Context, key: str, value: str) -> None:
    """Change one setting in the file; a running node reads it at its next start."""
    from thespis.deploy.nodes import SETTINGS

    path = Repo.open(home_of(ctx)).config_path
    SETTINGS.set(path, {key: SETTINGS.fields[key].parsed(value) if key in SETTINGS.fields else value})


@config.command("docs")
def config_docs() -> None:
    """Print what every setting is for, what it may be and who reads it, as Markdown."""
    from thespis.deploy.nodes import SETTINGS
    from thespis.deploy.settings_page import page

    click.echo(page(SETTINGS), nl=False)


@click.command()
def version() -> None:
    """Print the version."""
    from thespis import __version__

    click.echo(f"thespis {__version__}")
