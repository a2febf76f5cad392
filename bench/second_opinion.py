"""Does an independent pricing agree with the warehouse on a million random requests?

    python -m bench.second_opinion [--rows 1000000]

Rates change in time, by prompt size and by workspace; a fifth of the requests are made
at the very microsecond at which a price starts or ends.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--seed", type=int, default=7)
    asked = words.parse_args()
    home = Path(tempfile.mkdtemp(prefix="hmc-bench-"))
    os.environ["HMC_DATA_DIR"] = str(home)
    from ingest.rebuild.cycle import rebuild, rebuilding
    from tests.second_opinion import differences, land_random, make_random
    from warehouse.embedded import leave
    from warehouse.migrate import migrate

    migrate()
    try:
        with rebuilding() as owner:
            made = make_random(owner, asked.seed)
            land_random(owner, made, asked.rows)
            published = rebuild(owner)
            print(f"{published.request_count:,} priced in {published.seconds:.1f} s")
            started = time.monotonic()
            count, different = differences(owner, made)
            print(f"{count:,} priced again in {time.monotonic() - started:.1f} s")
            print(f"{different.height:,} differ")
            print(different)
    finally:
        leave(home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
