"""Whether the audit log still says what it said: every chain, link by link.

A chain proves that nothing between its ends was edited, dropped or moved. That its
end is the old one is proved by a witness: the heads, written down elsewhere before.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from models.tenancy import Frozen

# Every chain with its first broken link. A chain may begin later than its first event
# only where an event of retention says up to where it was removed.
CHAINS = """
    with

    linked as (
        select
            workspace_id,
            position,
            hash,
            previous_hash,
            hash = app.audit_hash(audit_events) as is_as_written,
            lag(position) over chain as position_before,
            lag(hash) over chain as hash_before
        from app.audit_events
        window chain as (partition by workspace_id order by position)
    ),

    prunings as (
        select
            workspace_id,
            (after ->> 'through_position')::bigint as position,
            decode(after ->> 'through_hash', 'hex') as hash
        from app.audit_events
        where action = 'audit.pruned'
    ),

    judged as (
        select
            linked.workspace_id,
            linked.position,
            case
                when not linked.is_as_written then 'was edited'
                when linked.position_before is null and not (
                    (
                        linked.position = 1
                        and linked.previous_hash = decode(repeat('00', 32), 'hex')
                    ) or exists (
                        select 1 from prunings
                        where
                            prunings.workspace_id
                            is not distinct from linked.workspace_id
                            and prunings.position = linked.position - 1
                            and prunings.hash = linked.previous_hash
                    )
                ) then 'follows an event that is gone'
                when linked.position <> linked.position_before + 1
                    then 'follows an event that is gone'
                when linked.previous_hash <> linked.hash_before
                    then 'does not follow the event before it'
            end as fault
        from linked
    ),

    chains as (
        select workspace_id from app.audit_heads
        union
        select workspace_id from app.workspaces
        union
        select workspace_id from app.audit_events
    )

    select
        chains.workspace_id,
        workspaces.slug,
        coalesce(heads.position, 0) as position,
        encode(heads.hash, 'hex') as hash,
        coalesce(
            (
                select format('event %%s %%s', judged.position, judged.fault)
                from judged
                where
                    judged.workspace_id is not distinct from chains.workspace_id
                    and judged.fault is not null
                order by judged.position limit 1
            ),
            case
                when heads.position is null then 'the chain is gone'
                when not exists (
                    select 1 from app.audit_events as last
                    where
                        last.workspace_id is not distinct from chains.workspace_id
                        and last.position = heads.position
                        and last.hash = heads.hash
                ) then format('event %%s, its last, is gone or another', heads.position)
                when exists (
                    select 1 from app.audit_events as beyond
                    where
                        beyond.workspace_id is not distinct from chains.workspace_id
                        and beyond.position > heads.position
                ) then 'it goes on beyond its last event'
            end
        ) as fault
    from chains
    left join app.audit_heads as heads
        on chains.workspace_id is not distinct from heads.workspace_id
    left join app.workspaces on chains.workspace_id = workspaces.workspace_id
    order by workspaces.slug nulls first
"""


class Chain(Frozen):
    """One chain: how long it is, its last digest, and its first fault if it has one."""

    workspace_id: UUID | None
    slug: str | None
    position: int
    hash: str | None
    fault: str | None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.slug or (str(self.workspace_id) if self.workspace_id else "house")


def verify(owner: Connection[Any], witness: Sequence[Chain] = ()) -> list[Chain]:
    """Walk every chain; a witness is what an earlier walk found and somebody kept."""
    rows = owner.cursor(row_factory=dict_row).execute(CHAINS, {}).fetchall()
    seen = {chain.workspace_id: chain for chain in witness if chain.position}
    found: list[Chain] = []
    for row in rows:
        chain = Chain.model_validate(row)
        if (before := seen.pop(chain.workspace_id, None)) and not chain.fault:
            chain = chain.model_copy(update={"fault": _betrayed(owner, before)})
        found.append(chain)
    return found + [
        chain.model_copy(update={"fault": "the chain is gone"})
        for chain in seen.values()
    ]


def _betrayed(owner: Connection[Any], seen: Chain) -> str | None:
    """Say what is wrong when a whole chain does not pass through what was seen."""
    standing = owner.execute(
        """
        select encode(hash, 'hex') from app.audit_events
        where workspace_id is not distinct from %s and position = %s
        """,
        [seen.workspace_id, seen.position],
    ).fetchone()
    if standing is None:
        return None if _was_pruned(owner, seen) else f"event {seen.position} is gone"
    if standing != (seen.hash,):
        return f"event {seen.position} is not the one that the witness saw"
    return None


def _was_pruned(owner: Connection[Any], seen: Chain) -> bool:
    found = owner.execute(
        """
        select 1 from app.audit_events
        where
            workspace_id is not distinct from %s
            and action = 'audit.pruned'
            and (after ->> 'through_position')::bigint >= %s
        """,
        [seen.workspace_id, seen.position],
    )
    return found.fetchone() is not None
