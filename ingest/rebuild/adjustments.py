"""Posts what closed months have come to differ by, where their cycle is published."""

from typing import Any

from psycopg import Connection

from warehouse.closing import BOOKS
from warehouse.cluster import composed

# A full refresh may change any month; a cycle changes those that it touches.
TOUCHED = """
    and (workspace_id, period_month) in (
        select workspace_id, period_month from intermediate.int_months_touched
    )
"""


def post_adjustments(owner: Connection[Any], cycle_id: int, *, whole: bool) -> None:
    """Post the differences that this cycle's marts show; they are live by now.

    In the transaction that publishes them, so that nobody sees a closed month differ
    from its days by anything that is not in the journal.
    """
    owner.execute("select pg_advisory_xact_lock(%s)", [BOOKS])
    owner.execute(
        composed(
            f"""
            insert into raw.adjustments (
                workspace_id, provider, period_month, cycle_id, is_reversal,
                request_count, unpriced_count, cost_pico
            )
            select
                workspace_id, provider, period_month, %s, is_reversal,
                request_count, unpriced_count, cost_pico
            from marts.fct_close_differences
            where
                is_whole
                and (request_count <> 0 or unpriced_count <> 0 or cost_pico <> 0)
                {"" if whole else TOUCHED}
            """
        ),
        [cycle_id],
    )
