"""The command line. Nothing heavy is imported before a command needs it."""

import os
import sys

import typer

from hmc.commands import operate, people, rates, serve
from hmc.commands.demo import demo
from hmc.commands.doctor import doctor
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
app.add_typer(workspace, name="workspace")
pairing.command("approve")(people.approve_pairing)
app.add_typer(pairing, name="pairing")
app.command()(people.token)
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
