-- ── bodies at rest ───────────────────────────────────────────────────────────

-- What a workspace's bodies are sealed with, itself wrapped by a master key that
-- Postgres never sees. Deleting a workspace's rows makes its bodies unreadable.
create table app.data_keys (
    workspace_id uuid not null references app.workspaces,
    key_version integer not null check (key_version >= 1),
    wrapped_key bytea not null,
    wrapped_by text not null,  -- fingerprint of the master key
    created_at timestamptz not null default now(),
    primary key (workspace_id, key_version)
);

create table raw.request_bodies (
    workspace_id uuid not null,
    request_id uuid not null,
    direction text not null check (direction in ('request', 'response')),
    machine_id uuid not null,
    key_version integer not null,
    sealed bytea not null,
    content_type text,
    original_size_bytes bigint,
    redaction_applied boolean,
    redaction_summary text[] not null default '{}',
    received_at timestamptz not null default now(),
    primary key (workspace_id, request_id, direction)
);
create index request_bodies_key
on raw.request_bodies (workspace_id, key_version);
-- Sealed bytes do not compress, so Postgres need not try.
alter table raw.request_bodies alter column sealed set storage external;

-- A body can come before its request: since when it has been waited for.
create table raw.awaited_requests (
    workspace_id uuid not null,
    request_id uuid not null,
    awaited_since timestamptz not null default now(),
    primary key (workspace_id, request_id)
);
create index awaited_requests_since
on raw.awaited_requests (workspace_id, awaited_since);


-- ── machines and their keys ──────────────────────────────────────────────────

alter table app.sync_keys
add column revoked_because text
check (revoked_because in ('replaced', 'disconnected', 'revoked')),
add column revoked_by uuid references app.users,
add column last_used_at timestamptz;


-- ── wrong pairing codes ──────────────────────────────────────────────────────

create table app.wrong_codes (
    user_id uuid not null references app.users,
    entered_at timestamptz not null default clock_timestamp()
);
create index wrong_codes_user on app.wrong_codes (user_id, entered_at);


-- ── who sees what ────────────────────────────────────────────────────────────

select app.isolate('app.data_keys');
select app.isolate('raw.request_bodies');
select app.isolate('raw.awaited_requests');

alter table app.wrong_codes enable row level security;
alter table app.wrong_codes force row level security;
create policy owner_sees_all on app.wrong_codes to current_user using (true);
create policy oneself on app.wrong_codes using (
    user_id = nullif(current_setting('app.user_id', true), '')::uuid
);

grant select, insert on app.data_keys to hmc_ingest;
grant select, insert, update on raw.request_bodies to hmc_ingest;
grant select, insert, delete on raw.awaited_requests to hmc_ingest;
grant update (revoked_because, last_used_at) on app.sync_keys to hmc_ingest;
grant select on raw.pricing_rates to hmc_ingest;

grant select on app.data_keys, raw.request_bodies, raw.rejected_records to hmc_api;
grant select (revoked_because, revoked_by, last_used_at) on app.sync_keys to hmc_api;
grant update (revoked_at, revoked_because, revoked_by) on app.sync_keys to hmc_api;
grant select, insert, delete on app.wrong_codes to hmc_api;
