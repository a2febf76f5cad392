"""The command line. Nothing heavy is imported before a command needs it."""

import os
import sys

import typer

from hmc.commands import (
    analysts,
    audit,
    backup,
    forget,
    keys,
    laptop,
    operate,
    people,
    rates,
    serve,
)
from hmc.commands.demo import demo
from hmc.commands.doctor import doctor
from hmc.commands.import_sqlite import import_sqlite
from hmc.commands.local import local
from hmc.commands.quality import docs, quality
from hmc.commands.report import report
from models.trouble import Trouble

app = typer.Typer(
    name="hmc",
    help="Halton Meter Cloud: who spent what on LLM calls, exactly.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich alone would take a third of the budget
    context_settings={"help_option_names": ["-h", "--help"]},
)
prices = typer.Typer(help="Prices.", no_args_is_help=True)
workspace = typer.Typer(help="Workspaces.", no_args_is_help=True)
pairing = typer.Typer(help="Machines that ask to be paired.", no_args_is_help=True)
body_keys = typer.Typer(help="Keys of captured bodies.", no_args_is_help=True)

app.command()(serve.up)
app.command()(serve.api)
app.command()(serve.worker)
app.command()(operate.migrate)
app.command()(operate.rebuild)
prices.command("load")(rates.load)
prices.command("show")(rates.show)
prices.command("state")(rates.state)
prices.command("withdraw")(rates.withdraw)
prices.command("unpriced")(rates.unpriced)
app.add_typer(prices, name="rates")
workspace.command("create")(people.create_workspace)
workspace.command("tier")(people.choose_tier)
workspace.command("restore")(people.restore_workspace)
app.add_typer(workspace, name="workspace")
pairing.command("approve")(people.approve_pairing)
app.add_typer(pairing, name="pairing")
body_keys.command("rotate")(keys.rotate_keys)
body_keys.command("destroy")(keys.destroy_keys)
app.add_typer(body_keys, name="keys")
analyst = typer.Typer(help="Logins for analysts.", no_args_is_help=True)
analyst.command("grant")(analysts.grant_analyst)
analyst.command("revoke")(analysts.revoke_analyst)
app.add_typer(analyst, name="analyst")
audits = typer.Typer(help="The audit log.", no_args_is_help=True)
audits.command("verify")(audit.verify_audit)
app.add_typer(audits, name="audit")
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(backup.drill)
app.command()(quality)
app.command()(docs)
app.command()(forget.retain)
erase = typer.Typer(help="Forget somebody or some machine.", no_args_is_help=True)
erase.command("person")(forget.erase_person)
erase.command("machine")(forget.erase_machine)
app.add_typer(erase, name="erase")
app.command()(people.token)
app.command()(report)
app.command()(laptop.top)
app.command()(laptop.calls)
app.command()(laptop.unpriced)
app.command()(laptop.export)
app.command()(local)
app.command()(import_sqlite)
app.command()(doctor)
app.command()(demo)


def main() -> None:
    """Run a command; what a person has to mend is one line and an exit code."""
    try:
        app()
    except Trouble as trouble:
        sys.stderr.write(f"hmc: {trouble}\n")
        sys.exit(trouble.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
