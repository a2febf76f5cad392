"""Put load on one API process and see what was promised; bench/README.md says more."""

import argparse

from bench.product import running_api


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    overload = commands.add_parser("overload", help="ten times too many senders")
    overload.add_argument("--seconds", type=float, default=30)
    crowd = commands.add_parser("crowd", help="a hundred daemons at once")
    crowd.add_argument("--seconds", type=float, default=30)
    outage = commands.add_parser("outage", help="Postgres is away for a minute")
    outage.add_argument("--daemons", type=int, default=2_000)
    bodies = commands.add_parser("bodies", help="2 MB at a time from fifty senders")
    bodies.add_argument("--seconds", type=float, default=30)
    history = commands.add_parser("history", help="a million calls, twice")
    history.add_argument("--rows", type=int, default=1_000_000)
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if asked.command == "outage":
        from bench.load.outage import run_outage

        print(run_outage(asked.daemons))
        return
    with running_api() as product:
        match asked.command:
            case "overload":
                from bench.load.overload import run_overload

                at_best, overloaded = run_overload(product, asked.seconds)
                share = overloaded.rows_per_second / at_best.rows_per_second
                print(f"{at_best}\n{overloaded}\n  {share:.0%} of the best")
            case "crowd":
                from bench.load.overload import run_crowd

                print(run_crowd(product, asked.seconds))
            case "bodies":
                from bench.load.bodies import run_bodies

                answers, _ = run_bodies(product, asked.seconds)
                print(f"answers {dict(answers)}")
            case _:
                from bench.load.history import run_history

                print(*run_history(product, asked.rows), sep="\n")
        print(f"  API process at {product.peak_mb():,.0f} MB at most")


if __name__ == "__main__":
    main()
