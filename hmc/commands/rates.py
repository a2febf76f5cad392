"""Prices, as an operator sees and states them: for every workspace, or for one."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from hmc.commands.options import DataDir, Json

Provider = Annotated[str, typer.Argument(help="As catalogue or daemon call it.")]
Model = Annotated[str, typer.Argument(help="The provider's own model string.")]
Workspace = Annotated[
    str | None, typer.Option(help="A workspace's slug; unsaid, the catalogue of all.")
]
Usd = typer.Option(help="Dollars per million tokens.")


def load(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Load the catalogue's prices and say what changed; safe to run again."""
    from ingest.rates.catalogue import SOURCE, catalogue_rates, catalogue_version
    from ingest.rates.publish import publish_catalogue
    from warehouse.cluster import Role, connect

    rates = catalogue_rates()
    with connect(Role.OWNER) as owner:
        changes = publish_catalogue(owner, rates, SOURCE, catalogue_version())
    if as_json:
        listed = [asdict(change) for change in changes]
        typer.echo(json.dumps({"rates": len(rates), "changes": listed}, default=str))
        return
    is_first = len(changes) == len(rates)
    for change in [] if is_first else changes:
        typer.echo(
            f"{change.kind:<10} {change.provider}/{change.model}"
            f" above {change.prompt_tokens_above}: {change.before} -> {change.after}"
        )
    typer.echo(
        f"{len(rates)} rates of {SOURCE} {catalogue_version()}, {len(changes)} changed",
        err=True,
    )


def show(
    provider: Provider,
    model: Model,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show every price of a model: in force, dated, and no longer believed."""
    from ingest.rates.state import prices_of
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        prices = prices_of(owner, provider, model)
    if as_json:
        typer.echo(json.dumps([asdict(price) for price in prices], default=str))
        return
    for price in prices:
        typer.echo(price.as_line())


def state(
    provider: Provider,
    model: Model,
    entry: Annotated[str, typer.Option("--input", help=Usd.help)],
    output: Annotated[str, Usd],
    thinking: Annotated[str | None, typer.Option(help="Unsaid, as output.")] = None,
    cache_read: Annotated[str | None, typer.Option(help="Unsaid, as input.")] = None,
    cache_write: Annotated[str | None, typer.Option(help="Unsaid, as input.")] = None,
    above: Annotated[int, typer.Option(help="For prompts of more tokens only.")] = 0,
    since: Annotated[datetime | None, typer.Option("--from", help="UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", help="UTC.")] = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """State a price; what it touches is priced again by the next cycle."""
    from ingest.rates.state import state_price
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        rate_id = state_price(
            owner,
            (provider, model, above),
            (entry, output, thinking, cache_read, cache_write),
            (since, until),
            workspace,
        )
    typer.echo(f"rate {rate_id}")


def withdraw(
    rate_id: Annotated[int, typer.Argument(help="As `hmc rates show` names it.")],
    data_dir: DataDir = None,
) -> None:
    """Stop believing a price; what it priced is priced again by the next cycle."""
    from ingest.rates.state import withdraw_price
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        withdraw_price(owner, rate_id)
    typer.echo(f"rate {rate_id} is not believed any more")


def unpriced(data_dir: DataDir = None, as_json: Json = False) -> None:
    """List the models without a rate, in all workspaces, most requests first."""
    from ingest.rates.state import unpriced_models
    from warehouse.cluster import Role, connect

    with connect(Role.OWNER) as owner:
        models = unpriced_models(owner)
    if as_json:
        typer.echo(json.dumps([asdict(model) for model in models], default=str))
        return
    for one in models:
        typer.echo(
            f"{one.request_count:>10,}  {one.provider}/{one.model}"
            f"  since {one.first_date}, {one.workspace_count} workspaces"
        )
