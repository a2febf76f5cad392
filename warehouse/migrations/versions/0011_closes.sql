-- ── app.closes: what a provider's UTC month was closed with ──────────────────

-- Prepared by one person, closed by another, and perhaps reopened. The figures are of
-- the metered requests, as the cycle had published them; `models` holds them by model,
-- and `digest` is the SHA-256 of those (api/cloud/closing.py says of which text).
create table app.closes (
    workspace_id uuid not null references app.workspaces,
    close_id uuid not null default gen_random_uuid(),
    provider text not null,
    period_month date not null check (extract(day from period_month) = 1),
    prepared_by uuid not null references app.users,
    prepared_at timestamptz not null default now(),
    reviewed_by uuid references app.users,
    closed_at timestamptz,
    reopened_by uuid references app.users,
    reopened_at timestamptz,
    reopen_reason text check (length(reopen_reason) between 1 and 1000),
    cycle_id bigint not null,
    published_at timestamptz not null,
    build text not null,
    request_count bigint not null,
    unpriced_count bigint not null,
    cost_pico numeric(38, 0) not null,
    models jsonb not null,
    digest bytea not null check (length(digest) = 32),
    closed_by_change bigint,
    reopened_by_change bigint,
    primary key (workspace_id, close_id),
    constraint the_month_has_ended check (
        prepared_at at time zone 'UTC' >= period_month + interval '1 month'
    ),
    constraint two_people check (reviewed_by <> prepared_by),
    check ((closed_at is null) = (reviewed_by is null)),
    check (
        (reopened_at is null) = (reopened_by is null)
        and (reopened_at is null) = (reopen_reason is null)
    ),
    check (reopened_at is null or closed_at is not null)
);
create unique index one_close_stands
on app.closes (workspace_id, provider, period_month) where reopened_at is null;

-- What is closed stays as it was closed: all that can still happen to it is that it is
-- reopened, once.
create function app.keep_what_is_closed() returns trigger
language plpgsql set search_path = pg_catalog
as $$
declare
    reopening text[] := '{reopened_by,reopened_at,reopen_reason,reopened_by_change}';
begin
    if
        to_jsonb(new) - reopening <> to_jsonb(old) - reopening
        or old.reopened_at is not null
    then
        raise exception 'a month that is closed stays as it was closed'
        using errcode = 'check_violation', constraint = 'closed';
    end if;
    return new;
end
$$;
create trigger a_close_is_kept before update on app.closes
for each row when (old.closed_at is not null)
execute function app.keep_what_is_closed();

-- A close counts from the cycle that publishes its entry in the ledger, until one has
-- published that it is reopened.
create function app.note_close() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
declare
    closing app.closes;
    noted bigint;
begin
    if tg_op = 'DELETE' then
        closing := old;
    else
        closing := new;
    end if;
    insert into raw.changes (kind, cause, workspace_id, provider, since, made_by)
    values (
        'revision', 'close', closing.workspace_id, closing.provider,
        closing.period_month::timestamp at time zone 'UTC',
        coalesce(closing.reopened_by, closing.reviewed_by)
    )
    returning change_id into noted;
    if tg_op = 'DELETE' then
        return old;
    elsif new.reopened_at is null then
        new.closed_by_change := noted;
    else
        new.reopened_by_change := noted;
    end if;
    return new;
end
$$;
create trigger month_is_closed before update on app.closes
for each row when (old.closed_at is null and new.closed_at is not null)
execute function app.note_close();
create trigger month_is_reopened before update on app.closes
for each row when (old.reopened_at is null and new.reopened_at is not null)
execute function app.note_close();
create trigger month_is_forgotten before delete on app.closes
for each row when (old.closed_at is not null)
execute function app.note_close();


-- ── raw.adjustments: the journal of what closed months differ by since ───────

-- Written by the rebuild alone, in the transaction that publishes the difference. A
-- month can be closed only once it has ended, so the month of posting is always open.
create table raw.adjustments (
    workspace_id uuid not null references app.workspaces,
    provider text not null,
    period_month date not null check (extract(day from period_month) = 1),
    cycle_id bigint not null,
    posted_month date not null
    default date_trunc('month', clock_timestamp() at time zone 'UTC'),
    posted_at timestamptz not null default clock_timestamp(),
    is_reversal boolean not null,
    request_count bigint not null,
    unpriced_count bigint not null,
    cost_pico numeric(38, 0) not null,
    primary key (workspace_id, provider, period_month, cycle_id),
    check (posted_month > period_month)
);
create index adjustments_posted
on raw.adjustments (workspace_id, posted_month, provider);

create function raw.refuse_to_rewrite() returns trigger
language plpgsql as $$
begin
    raise exception 'the journal of adjustments is only ever appended to';
end
$$;
create trigger only_appended before update or truncate on raw.adjustments
for each statement execute function raw.refuse_to_rewrite();


-- ── who sees what ────────────────────────────────────────────────────────────

select app.isolate('app.closes');
select app.isolate('raw.adjustments');
select app.watch('app.closes', 'models');

grant select, insert on app.closes to hmc_api;
grant update (
    prepared_by, prepared_at, reviewed_by, closed_at, reopened_by, reopened_at,
    reopen_reason, cycle_id, published_at, build, request_count, unpriced_count,
    cost_pico, models, digest
) on app.closes to hmc_api;
grant select on raw.adjustments to hmc_api;

revoke execute on all functions in schema app from public;
revoke execute on function raw.refuse_to_rewrite from public;
