"""Whatever departments, pools and splits there are, nothing is lost or made."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Rollback
from psycopg.types.json import Jsonb

from tests.factories import workspace

START = date(2026, 3, 1)
DAYS = 3
LONG_AGO = date(1970, 1, 1)

days = st.integers(0, DAYS)
money = st.integers(0, 10**18) | st.sampled_from([0, 1, 2, 3, 7, 10**12 + 1])
departments = st.lists(
    st.fixed_dictionaries(
        {
            "opened": st.none() | days,
            "retired": st.none() | st.integers(1, DAYS),
            "parent": st.none() | st.integers(0, 4),
            "moves_on": days,
        }
    ),
    max_size=5,
)
pools = st.lists(
    st.fixed_dictionaries(
        {
            "splits": st.lists(
                st.tuples(days, st.sampled_from(["proportional", "even", "fixed"])),
                max_size=2,
                unique_by=lambda split: split[0],
            ),
            "shares": st.dictionaries(st.integers(0, 4), st.integers(1, 10**9)),
        }
    ),
    max_size=3,
)
spending = st.dictionaries(
    st.tuples(
        st.integers(0, DAYS - 1),
        st.sampled_from(["api", "subscription_imputed"]),
        st.integers(-1, 7),  # -1 is nobody's; then departments, then pools
    ),
    money,
    max_size=12,
)


def insert(owner: psycopg.Connection, table: str, **row: Any) -> None:
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    owner.execute(
        f"insert into {table} ({names}) values ({marks})",  # type: ignore[arg-type]
        list(row.values()),
    )


def organised(
    owner: psycopg.Connection, home: UUID, drawn: Any, pooled: Any
) -> list[UUID]:
    """Departments with their history, then pools with theirs; their ids in order."""
    ids = [uuid4() for _ in [*drawn, *pooled]]
    for n, (each, department_id) in enumerate(zip(drawn, ids, strict=False)):
        opened = START + timedelta(each["opened"]) if each["opened"] else LONG_AGO
        retired = START + timedelta(each["retired"]) if each["retired"] else None
        insert(
            owner,
            "app.departments",
            workspace_id=home,
            name=str(n),
            department_id=department_id,
            opened_on=min(opened, retired or opened),
            retired_on=retired,
        )
    for n, each in enumerate(drawn):
        parent = each["parent"]
        if parent is not None and parent < n:  # so that it stays a tree
            insert(
                owner,
                "app.department_parents",
                workspace_id=home,
                department_id=ids[n],
                parent_id=ids[parent],
                valid_from=START + timedelta(each["moves_on"]),
            )
    for each, pool_id in zip(pooled, ids[len(drawn) :], strict=True):
        insert(
            owner,
            "app.departments",
            workspace_id=home,
            name=str(pool_id),
            department_id=pool_id,
            kind="pool",
        )
        for (day, split), until in zip(
            sorted(each["splits"]),
            [*[later for later, _ in sorted(each["splits"])][1:], None],
            strict=False,
        ):
            insert(
                owner,
                "app.pool_splits",
                workspace_id=home,
                pool_id=pool_id,
                split=split,
                valid_from=START + timedelta(day),
                valid_to=None if until is None else START + timedelta(until),
            )
        for n, weight in each["shares"].items():
            if n < len(drawn):
                insert(
                    owner,
                    "app.pool_shares",
                    workspace_id=home,
                    pool_id=pool_id,
                    department_id=ids[n],
                    weight=weight,
                    valid_from=LONG_AGO,
                )
    return ids


NOTHING = {
    "calendar": "utc",
    "grouping_name": "department",
    "request_count": 1,
    **dict.fromkeys(
        [
            "failed_count",
            "incomplete_count",
            "unpriced_count",
            "unpriced_tokens",
            "missing_rate_count",
            "input_tokens",
            "output_tokens",
            "thinking_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "submitted_millicents",
            "unsubmitted_count",
            "drift_millicents",
            "latency_ms",
            "latency_count",
        ],
        0,
    ),
}


def entry(owner: psycopg.Connection, home: UUID, **row: Any) -> None:
    owner.execute(
        """
        insert into marts.fct_usage_days
        select * from jsonb_populate_record(null::marts.fct_usage_days, %s)
        """,
        [Jsonb(NOTHING | row | {"workspace_id": str(home)})],
    )


def summed(owner: psycopg.Connection, query: str, *homes: UUID) -> Counter[Any]:
    rows = owner.execute(query, homes).fetchall()  # type: ignore[arg-type]
    return Counter(
        {
            key: int(cost)
            for *key_parts, cost in rows
            for key in [tuple(key_parts)]
            if cost
        }
    )


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(drawn=departments, pooled=pools, spent=spending)
def test_departments_pools_and_unallocated_are_the_total_to_the_picodollar(
    drawn: Any, pooled: Any, spent: dict[Any, int], owner: psycopg.Connection
) -> None:
    with owner.transaction():
        home = workspace(owner).workspace_id
        ids = organised(owner, home, drawn, pooled)
        total: Counter[Any] = Counter()
        of_pools: Counter[Any] = Counter()
        for (day, basis, whose), cost in spent.items():
            if whose >= len(ids):
                continue
            usage_date = START + timedelta(day)
            entry(
                owner,
                home,
                usage_date=str(usage_date),
                billing_basis=basis,
                cost_pico=cost,
                department_id=None if whose < 0 else str(ids[whose]),
            )
            total[usage_date, basis] += cost
            if whose >= len(drawn):
                of_pools[usage_date, basis, ids[whose]] += cost
        assert (
            summed(
                owner,
                """
            select usage_date, billing_basis, sum(cost_pico)
            from marts.fct_department_days where workspace_id = %s group by 1, 2
            """,
                home,
            )
            == +total
        )
        assert (
            summed(
                owner,
                """
            select usage_date, billing_basis, pool_id, sum(cost_pico)
            from marts.fct_department_days
            where workspace_id = %s and pool_id is not null group by 1, 2, 3
            """,
                home,
            )
            == +of_pools
        )
        # Every department once, at the top of what it is in that day.
        assert (
            summed(
                owner,
                """
            select days.usage_date, days.billing_basis, sum(days.cost_pico)
            from (
                select usage_date, billing_basis, cost_pico
                from marts.fct_spend_days
                where
                    workspace_id = %s
                    and scope = 'department'
                    and not exists (
                        select 1 from marts.dim_department_ancestors as above
                        where
                            above.workspace_id = fct_spend_days.workspace_id
                            and above.department_id::text = fct_spend_days.subject
                            and above.depth = 1
                            and above.first_date <= fct_spend_days.usage_date
                            and above.end_date > fct_spend_days.usage_date
                    )
                union all
                select usage_date, billing_basis, cost_pico
                from marts.fct_department_days
                where department_id is null and workspace_id = %s
            ) as days
            group by 1, 2
            """,
                home,
                home,
            )
            == +total
        )
        raise Rollback
