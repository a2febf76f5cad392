"""The audit log, verified."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hmc.commands.options import DataDir, Json

if TYPE_CHECKING:
    from warehouse.audit import Chain


def verify_audit(
    against: Annotated[
        Path | None,
        typer.Option(
            help="What `hmc audit verify --json` printed before and was kept elsewhere."
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Walk every chain of the audit log; name the first event that does not hold."""
    from warehouse.audit import verify
    from warehouse.cluster import Role, connect
    from warehouse.migrate import require_current

    require_current()
    witness = _witness(against) if against else []
    with connect(Role.OWNER) as owner:
        chains = verify(owner, witness)
    broken = [chain for chain in chains if chain.fault]
    if as_json:
        listed = [chain.model_dump(mode="json") for chain in chains]
        typer.echo(json.dumps({"is_whole": not broken, "chains": listed}))
    else:
        for chain in broken:
            typer.echo(f"BROKEN  {chain.name}: {chain.fault}")
        events = sum(chain.position for chain in chains)
        typer.echo(f"{len(chains):,} chains, {events:,} events, {len(broken):,} broken")
    if broken:
        raise typer.Exit(1)


def _witness(path: Path) -> "list[Chain]":
    from pydantic import ValidationError

    from models.trouble import Trouble
    from warehouse.audit import Chain

    try:
        listed = json.loads(path.read_text("utf-8"))["chains"]
        return [Chain.model_validate(chain) for chain in listed]
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as failure:
        raise Trouble(f"{path} holds no heads of chains: {failure}") from None
