create schema app;
create schema raw;
create schema staging;
create schema intermediate;
create schema pending;  -- what the rebuild has prepared and not yet published
create schema marts;

grant usage on schema app, raw to hmc_ingest, hmc_api;
grant usage on schema marts to hmc_api, hmc_analyst;
grant usage on schema raw to hmc_analyst;  -- for raw.cycles alone

-- Row security for one tenant table. No setting reads as no rows, and so does the
-- empty string that a finished transaction leaves behind. The owner, who runs dbt,
-- sees all of it: FORCE binds owners too, so it needs a policy of its own.
create function app.isolate(tenant_table regclass) returns void
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', tenant_table);
    execute format('alter table %s force row level security', tenant_table);
    execute format(
        'create policy workspace_isolation on %s
            using (
                workspace_id
                = nullif(current_setting(''app.workspace_id'', true), '''')::uuid
            )',
        tenant_table
    );
    execute format(
        'create policy owner_sees_all on %s to current_user using (true)',
        tenant_table
    );
end
$$;


-- ── app: who is there ────────────────────────────────────────────────────────

create table app.workspaces (
    workspace_id uuid primary key default gen_random_uuid(),
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null check (length(name) between 1 and 200),
    tier text not null check (tier in ('solo', 'team', 'enterprise')),
    reporting_time_zone text not null default 'UTC',
    stores_bodies boolean not null default false,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);

create table app.users (
    user_id uuid primary key default gen_random_uuid(),
    email text not null check (email = lower(email) and length(email) <= 320),
    subject text not null unique,  -- `sub` of the issuer that vouches for them
    created_at timestamptz not null default now()
);
create unique index users_email on app.users (email);

create table app.members (
    workspace_id uuid not null references app.workspaces,
    user_id uuid not null references app.users,
    role text not null
    check (role in ('owner', 'admin', 'editor', 'member', 'viewer', 'billing')),
    joined_at timestamptz not null default now(),
    primary key (workspace_id, user_id)
);
create index members_user on app.members (user_id);

create table app.machines (
    workspace_id uuid not null references app.workspaces,
    machine_id uuid not null default gen_random_uuid(),
    hostname text not null,
    platform text not null,
    fingerprint text,
    daemon_version text not null,
    enforcement text not null default 'unknown'
    check (enforcement in ('enforcing', 'not_enforcing', 'unknown')),
    connected_at timestamptz not null default now(),
    last_batch_at timestamptz,
    primary key (workspace_id, machine_id)
);
create unique index machines_fingerprint
on app.machines (workspace_id, fingerprint) where fingerprint is not null;

create table app.sync_keys (
    workspace_id uuid not null,
    sync_key_id uuid not null default gen_random_uuid(),
    machine_id uuid not null,
    key_hash bytea not null,  -- SHA-256 of 256 random bits: no slow hash needed
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    primary key (workspace_id, sync_key_id),
    foreign key (workspace_id, machine_id) references app.machines
);
create unique index sync_keys_hash on app.sync_keys (key_hash);
create index sync_keys_machine on app.sync_keys (workspace_id, machine_id);

-- A pairing belongs to nobody until it is approved; who knows its code sees it.
create table app.pairings (
    pairing_code text primary key check (pairing_code ~ '^[0-9A-HJKMNP-TV-Z]{8}$'),
    poll_token_hash bytea not null,
    hostname text not null,
    platform text not null,
    daemon_version text not null,
    fingerprint text,
    address text not null,
    status text not null default 'pending'
    check (status in ('pending', 'approved', 'denied', 'delivered')),
    started_at timestamptz not null default now(),
    expires_at timestamptz not null,
    workspace_id uuid references app.workspaces,
    decided_by uuid references app.users,
    decided_at timestamptz,
    -- The sync key is HMAC(poll_token, salt): for 60 s after delivery the same
    -- poll_token gets the same key again; then the salt is erased, and the key
    -- is nowhere but with its daemon.
    key_salt bytea,
    machine_id uuid,
    delivered_at timestamptz
);
create index pairings_expiry on app.pairings (expires_at);
create index pairings_address on app.pairings (address, started_at);

create table app.departments (
    workspace_id uuid not null references app.workspaces,
    department_id uuid not null default gen_random_uuid(),
    name text not null check (length(name) between 1 and 200),
    parent_id uuid,
    created_at timestamptz not null default now(),
    primary key (workspace_id, department_id),
    unique (workspace_id, name),
    foreign key (workspace_id, parent_id) references app.departments
);

-- A range over one text is that text: equality that a GiST index can hold without
-- an extension, so that an exclusion constraint can forbid overlaps per key.
create type app.text_span as range (subtype = text, collation = "C");

create table app.allocation_rules (
    workspace_id uuid not null,
    rule_id uuid not null default gen_random_uuid(),
    priority integer not null check (priority between 1 and 1000000),
    match_on text not null check (match_on in ('project', 'machine', 'provider')),
    match_value text not null check (length(match_value) between 1 and 255),
    department_id uuid not null,
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    created_by uuid,
    created_at timestamptz not null default now(),
    primary key (workspace_id, rule_id),
    foreign key (workspace_id, department_id) references app.departments,
    constraint one_department_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || match_on || '/' || match_value,
            workspace_id || '/' || match_on || '/' || match_value, '[]'
        ) with &&,
        tstzrange(valid_from, valid_to) with &&
    )
);


-- ── raw: what came in ────────────────────────────────────────────────────────

-- The ledger of what a rebuild has to do. An arrival names the rows of one landing
-- (they carry its change_id); a revision says which old rows mean something else.
-- Null means any: a catalogue rate touches every workspace.
create table raw.changes (
    change_id bigint generated always as identity primary key,
    kind text not null check (kind in ('arrival', 'revision')),
    cause text not null,
    workspace_id uuid,
    provider text,
    model text,
    project text,
    machine_id uuid,
    since timestamptz,
    until timestamptz,
    row_count integer,
    created_at timestamptz not null default now(),
    cycle_id bigint,
    published_at timestamptz
);
create index changes_open on raw.changes (change_id) where published_at is null;

-- One row per rebuild that readers can see, or are about to.
create table raw.cycles (
    cycle_id bigint generated always as identity primary key,
    is_full_refresh boolean not null,
    build text not null,  -- which SQL made it: another build means a full refresh
    started_at timestamptz not null default clock_timestamp(),
    published_at timestamptz,
    request_count bigint,
    revised_hour_count bigint
);
create index cycles_published on raw.cycles (published_at desc)
where published_at is not null;

-- How the marts of the cycle at hand go live: written by dbt, run by the rebuild in
-- the one transaction that also crosses the ledger off.
create table pending.publications (
    position bigint generated always as identity primary key,
    mart text not null,
    statement text not null
);

create table raw.requests (
    workspace_id uuid not null,
    request_id uuid not null,
    machine_id uuid not null,
    change_id bigint not null,
    received_at timestamptz not null,
    requested_at timestamptz not null,
    recorded_at timestamptz not null,
    provider text not null,
    model text not null,
    project text,
    input_tokens integer not null,
    output_tokens integer not null,
    thinking_tokens integer not null,
    cached_tokens integer not null,
    cache_write_tokens integer not null,
    submitted_millicents bigint,
    fx_rate text,
    tokens_complete boolean not null,
    latency_ms numeric(14, 3),
    time_to_first_token_ms numeric(14, 3),
    status text not null,
    request_kind text,
    attribution_method text,
    source_workdir text,
    source_machine text,
    prompt_hash text,
    idempotency_key text,
    error_class text,
    provider_error_code text,
    http_status integer,
    is_retryable boolean,
    billing_basis text,
    flags text[],
    primary key (workspace_id, request_id)
);
-- Rows of one change lie together, so the index stays small and grows at its end.
create index requests_change on raw.requests (change_id);
-- Five hundred rows to a change, as daemons send them. Told, because a sample sees far
-- fewer changes than there are, and a cycle would read the whole table for a few rows.
alter table raw.requests alter column change_id set (n_distinct = -0.002);
create index requests_time on raw.requests (workspace_id, requested_at);

-- What could not land, or contradicts what had: kept as it came, with the reason.
create table raw.rejected_records (
    workspace_id uuid not null,
    rejected_id bigint generated always as identity,
    machine_id uuid not null,
    batch_id uuid not null,
    received_at timestamptz not null default now(),
    reason text not null check (reason in ('malformed', 'conflicting')),
    detail text not null,
    request_id uuid,
    record text not null,
    -- A history that is sent again brings the same records again.
    record_digest text not null generated always as (md5(record)) stored,
    primary key (workspace_id, rejected_id),
    unique (workspace_id, machine_id, reason, record_digest)
);
create index rejected_records_machine
on raw.rejected_records (workspace_id, machine_id, received_at desc);

-- Rates are bitemporal: valid_* says when a price applies, known_* when this
-- warehouse believed it. A correction closes the old belief and adds a row.
-- All five in microdollars per million tokens.
create table raw.pricing_rates (
    rate_id bigint generated always as identity primary key,
    workspace_id uuid references app.workspaces,
    provider text not null check (provider not in ('gemini', 'x-ai')),
    model text not null,
    prompt_tokens_above integer not null check (prompt_tokens_above >= 0),
    input_rate bigint not null check (input_rate between 0 and 1000000000),
    output_rate bigint not null check (output_rate between 0 and 1000000000),
    thinking_rate bigint not null check (thinking_rate between 0 and 1000000000),
    cache_read_rate bigint not null check (cache_read_rate between 0 and 1000000000),
    cache_write_rate bigint not null
    check (cache_write_rate between 0 and 1000000000),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    known_from timestamptz not null default now(),
    known_to timestamptz check (known_to >= known_from),
    source text not null,
    source_version text not null,
    constraint one_price_at_a_time exclude using gist (
        app.text_span(
            coalesce(workspace_id::text, '') || '/' || provider || '/' || model
            || '/' || prompt_tokens_above,
            coalesce(workspace_id::text, '') || '/' || provider || '/' || model
            || '/' || prompt_tokens_above, '[]'
        ) with &&,
        tstzrange(valid_from, valid_to) with &&,
        tstzrange(known_from, known_to) with &&
    )
);

-- What providers bill, document by document. A person's period total is a document
-- of one line; imports add lines of their own.
create table raw.billing_documents (
    workspace_id uuid not null references app.workspaces,
    document_id uuid not null default gen_random_uuid(),
    provider text not null check (provider not in ('gemini', 'x-ai')),
    account text not null default 'default',
    kind text not null check (kind in ('entered_total', 'cost_export', 'invoice')),
    period_month date not null check (extract(day from period_month) = 1),
    invoice_id text,
    currency text not null default 'USD' check (currency = 'USD'),
    entered_by uuid references app.users,
    entered_at timestamptz not null default now(),
    superseded_at timestamptz,
    primary key (workspace_id, document_id)
);
create unique index one_entered_total_stands
on raw.billing_documents (workspace_id, provider, account, period_month)
where kind = 'entered_total' and superseded_at is null;

create table raw.billing_lines (
    workspace_id uuid not null,
    document_id uuid not null,
    line_number integer not null,
    amount_pico numeric(38, 0) not null,
    -- half a unit of the last digit that the bill shows: how far it can be rounded
    rounding_pico numeric(38, 0) not null check (rounding_pico >= 0),
    description text not null,
    primary key (workspace_id, document_id, line_number),
    foreign key (workspace_id, document_id) references raw.billing_documents
);


-- ── who sees what ────────────────────────────────────────────────────────────

select app.isolate('app.workspaces');
select app.isolate('app.members');
select app.isolate('app.machines');
select app.isolate('app.sync_keys');
select app.isolate('app.departments');
select app.isolate('app.allocation_rules');
select app.isolate('raw.requests');
select app.isolate('raw.rejected_records');
select app.isolate('raw.changes');
select app.isolate('raw.pricing_rates');
select app.isolate('raw.billing_documents');
select app.isolate('raw.billing_lines');

-- Catalogue rates are everyone's.
create policy catalogue_is_shared on raw.pricing_rates for select
using (workspace_id is null);

-- People: oneself, and those of the workspace that is set.
alter table app.users enable row level security;
alter table app.users force row level security;
create policy owner_sees_all on app.users to current_user using (true);
create policy oneself_and_colleagues on app.users for select using (
    user_id = nullif(current_setting('app.user_id', true), '')::uuid
    or exists (select 1 from app.members where members.user_id = users.user_id)
);

-- Pairings: the daemons' side works on all of them, a person on the one whose
-- code they hold.
alter table app.pairings enable row level security;
alter table app.pairings force row level security;
create policy owner_sees_all on app.pairings to current_user using (true);
create policy daemons_pair on app.pairings to hmc_ingest using (true);
create policy code_in_hand on app.pairings to hmc_api using (
    pairing_code = nullif(current_setting('app.pairing_code', true), '')
);

grant select on app.workspaces to hmc_ingest, hmc_api;
grant select, insert on app.machines to hmc_ingest;
grant update (hostname, daemon_version, enforcement, last_batch_at, fingerprint)
on app.machines to hmc_ingest;
grant select, insert on app.sync_keys to hmc_ingest;
grant update (revoked_at) on app.sync_keys to hmc_ingest;
grant select, insert, update, delete on app.pairings to hmc_ingest;
grant insert, select (change_id) on raw.changes to hmc_ingest, hmc_api;
grant select, insert on raw.requests, raw.rejected_records to hmc_ingest;

grant select on app.members, app.users, app.machines to hmc_api;
grant select (workspace_id, sync_key_id, machine_id, created_at, revoked_at)
on app.sync_keys to hmc_api;
grant select on app.pairings to hmc_api;
grant update (status, workspace_id, decided_by, decided_at) on app.pairings
to hmc_api;
grant select, insert on app.departments, app.allocation_rules to hmc_api;
grant update (valid_to) on app.allocation_rules to hmc_api;
grant select on raw.cycles, raw.pricing_rates, raw.changes to hmc_api;
grant select on raw.cycles to hmc_analyst;
grant select, insert on raw.billing_documents, raw.billing_lines to hmc_api;
grant update (superseded_at) on raw.billing_documents to hmc_api;


-- ── lookups that cross workspaces, each by something that proves itself ──────

-- The machine that a sync key speaks for: by the hash of 256 secret bits.
create function app.machine_of_key(hash bytea)
returns table (
    workspace_id uuid,
    workspace_name text,
    machine_id uuid,
    sync_key_id uuid,
    hostname text,
    daemon_version text,
    connected_at timestamptz,
    workspace_is_gone boolean
)
language sql stable security definer set search_path = pg_catalog
as $$
    select
        sync_keys.workspace_id,
        workspaces.name,
        sync_keys.machine_id,
        sync_keys.sync_key_id,
        machines.hostname,
        machines.daemon_version,
        machines.connected_at,
        workspaces.deleted_at is not null
    from app.sync_keys
    inner join app.machines
        on
            sync_keys.workspace_id = machines.workspace_id
            and sync_keys.machine_id = machines.machine_id
    inner join app.workspaces
        on sync_keys.workspace_id = workspaces.workspace_id
    where sync_keys.key_hash = hash and sync_keys.revoked_at is null
$$;

-- The name of the workspace that approved a pairing: by the pairing's code.
create function app.workspace_of_pairing(code text)
returns table (name text)
language sql stable security definer set search_path = pg_catalog
as $$
    select workspaces.name from app.pairings
    inner join app.workspaces
        on pairings.workspace_id = workspaces.workspace_id
    where pairings.pairing_code = code
$$;

-- A person by what a verified session says of them.
create function app.person_of_subject(verified_subject text)
returns table (user_id uuid, email text)
language sql stable security definer set search_path = pg_catalog
as $$
    select users.user_id, users.email from app.users
    where users.subject = verified_subject
$$;

-- The workspaces of a person, with the role in each.
create function app.memberships_of(person uuid)
returns table (workspace_id uuid, slug text, name text, tier text, role text)
language sql stable security definer set search_path = pg_catalog
as $$
    select
        workspaces.workspace_id,
        workspaces.slug,
        workspaces.name,
        workspaces.tier,
        members.role
    from app.members
    inner join app.workspaces
        on members.workspace_id = workspaces.workspace_id
    where members.user_id = person and workspaces.deleted_at is null
    order by workspaces.name
$$;

-- Somebody who may sign in with the local issuer: by e-mail, after the code.
create function app.subject_of_email(address text) returns text
language sql stable security definer set search_path = pg_catalog
as $$
    select users.subject from app.users where users.email = lower(address)
$$;

revoke execute on all functions in schema app from public;
grant execute on function app.machine_of_key, app.workspace_of_pairing to hmc_ingest;
grant execute on function
app.person_of_subject, app.memberships_of, app.subject_of_email to hmc_api;
