"""Break things and see what was promised; bench/README.md says more."""

import argparse
import sys

from bench.faults.twins import TWINS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.faults", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    kills = commands.add_parser("kills", help="kill -9 at random moments")
    kills.add_argument("--cycles", type=int, default=1_000)
    kills.add_argument("--twin", choices=TWINS)
    kills.add_argument(
        "--warm", action="store_true", help="fork the API, do not start it by command"
    )
    cuts = commands.add_parser("cuts", help="cut the power at random moments (root)")
    cuts.add_argument("--cycles", type=int, default=300)
    cuts.add_argument("--twin", choices=TWINS)
    full = commands.add_parser("full", help="a disk without room, now and then (root)")
    full.add_argument("--times", type=int, default=10)
    stalls = commands.add_parser("stalls", help="a disk that stands still")
    stalls.add_argument("--times", type=int, default=20)
    hostile = commands.add_parser("hostile", help="rows that no honest daemon sends")
    hostile.add_argument("--rows", type=int, default=100_000)
    hostile.add_argument("--seed", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    if asked.command == "hostile":
        from bench.faults.hostile import run_fuzz

        print(run_fuzz(asked.rows, asked.seed))
        return
    twin = TWINS[asked.twin] if getattr(asked, "twin", None) else None
    match asked.command:
        case "full":
            from bench.faults.full import run_full

            seen = run_full(asked.times)
        case "stalls":
            from bench.faults.stalls import run_stalls

            seen = run_stalls(asked.times, one_is_long=True)
        case "kills":
            from bench.faults.kills import run_kills
            from bench.faults.site import as_an_operator, forked

            seen = run_kills(
                asked.cycles,
                twin,
                serving=forked if asked.warm else as_an_operator,
                until_found=twin is not None,
                tell=lambda text: print(text, flush=True),
            )
        case _:
            from bench.faults.cuts import run_cuts

            seen = run_cuts(asked.cycles, twin, until_found=twin is not None)
    print(seen)
    caught = bool(seen.found)
    sys.exit(0 if (caught if twin else seen.is_kept) else 1)


if __name__ == "__main__":
    main()
