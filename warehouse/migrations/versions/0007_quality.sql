-- What the warehouse says of its own health: written by `hmc quality` and `hmc docs` as
-- the owner, read by the API. Nothing here is a decision, so the audit log has none of it.

-- One row per look at the fresh rows. Fresh is what landed since a run a day ago, so
-- that runs overlap and a landing that commits late is seen by the next.
create table raw.quality_runs (
    run_id bigint generated always as identity primary key,
    engine text not null,
    newest_change_id bigint not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);
create index quality_runs_started on raw.quality_runs (started_at desc);

-- One row per expectation of a workspace's rows that was not met, for as long as it was
-- not. `observed` is outside of [least, most]; either may be open.
create table raw.quality_findings (
    workspace_id uuid not null references app.workspaces,
    finding_id uuid not null default gen_random_uuid(),
    expectation text not null,
    subject jsonb not null,
    observed bigint not null,
    least bigint,
    most bigint,
    request_count bigint not null,
    first_seen_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    resolved_at timestamptz,
    primary key (workspace_id, finding_id)
);
create unique index one_finding_stands
on raw.quality_findings (workspace_id, expectation, subject) where resolved_at is null;

-- How many rows of a mart are whose, when it was last counted.
create table raw.mart_sizes (
    workspace_id uuid not null references app.workspaces,
    mart text not null,
    row_count bigint not null,
    counted_at timestamptz not null default clock_timestamp(),
    primary key (workspace_id, mart)
);

-- The last result of each test of the dbt project, from dbt's own run. Of the whole
-- warehouse, so it says whether a test holds and never how many rows break it.
create table raw.dbt_tests (
    test text primary key,
    status text not null check (status in ('pass', 'warn', 'fail', 'error')),
    tested_at timestamptz not null default clock_timestamp()
);

-- The last verdict of `dbt source freshness` on each source, of the whole warehouse.
create table raw.dbt_freshness (
    source text primary key,
    status text not null check (status in ('pass', 'warn', 'error')),
    checked_at timestamptz not null default clock_timestamp()
);

-- `dbt docs generate --static`: one page, gzipped. The newest build replaces the others.
create table raw.documentation (
    build text primary key,
    page bytea not null,
    script_hashes text[] not null,  -- what its content security policy lets run
    made_at timestamptz not null default clock_timestamp()
);

select app.isolate('raw.quality_findings');
select app.isolate('raw.mart_sizes');

grant select on
raw.quality_runs, raw.quality_findings, raw.mart_sizes, raw.dbt_tests,
raw.dbt_freshness, raw.documentation to hmc_api;
