-- ── app.audit_events: who changed what, never edited ─────────────────────────

-- Nobody writes here but app.append_event. People stand in it by id alone: the name
-- of somebody who is erased goes from app.users, and the log stays whole.
create table app.audit_events (
    workspace_id uuid,  -- null: the chain of the house, for what is no workspace's
    position bigint not null check (position > 0),
    occurred_at timestamptz not null,
    actor_kind text not null
    check (actor_kind in ('person', 'key', 'daemon', 'operator', 'issuer')),
    actor_id text,
    address text,
    request_id text,
    action text not null,
    object_kind text not null,
    object_id text not null,
    before jsonb,
    after jsonb,
    previous_hash bytea not null,
    hash bytea not null,
    unique nulls not distinct (workspace_id, position)
);
create index audit_events_object
on app.audit_events (workspace_id, object_kind, object_id, position);
create index audit_events_actor
on app.audit_events (workspace_id, actor_id, position);

-- How long each chain is and what its last link says: a tail that is cut off shows.
create table app.audit_heads (
    workspace_id uuid,
    position bigint not null,
    hash bytea not null,
    unique nulls not distinct (workspace_id)
);

select app.isolate('app.audit_events');
select app.isolate('app.audit_heads');
grant select on app.audit_events to hmc_api;

-- The digest of a link: all that it says, and the digest of the link before.
create function app.audit_hash(event app.audit_events) returns bytea
language sql stable set search_path = pg_catalog
as $$
    select sha256(
        event.previous_hash || convert_to(
            jsonb_build_array(
                event.workspace_id,
                event.position,
                to_char(
                    event.occurred_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'
                ),
                event.actor_kind,
                event.actor_id,
                event.address,
                event.request_id,
                event.action,
                event.object_kind,
                event.object_id,
                event.before,
                event.after
            )::text,
            'UTF8'
        )
    )
$$;

-- Append one link to a workspace's chain, in the transaction that changes the state.
-- Who acts, from where, is what the doors have set for this transaction.
create function app.append_event(
    chain uuid, action text, object_kind text, object_id text,
    before jsonb, after jsonb
) returns void
language plpgsql security definer set search_path = pg_catalog
as $$
declare
    head record;
    event app.audit_events;
    kind text := coalesce(
        nullif(current_setting('app.actor_kind', true), ''), 'operator'
    );
begin
    insert into app.audit_heads (workspace_id, position, hash)
    values (chain, 0, decode(repeat('00', 32), 'hex'))
    on conflict do nothing;
    select heads.position, heads.hash into head from app.audit_heads as heads
    where heads.workspace_id is not distinct from chain for update;

    event := row(
        chain,
        head.position + 1,
        clock_timestamp(),
        kind,
        coalesce(
            nullif(current_setting('app.actor_id', true), ''),
            case when kind = 'operator' then session_user::text end
        ),
        nullif(current_setting('app.address', true), ''),
        nullif(current_setting('app.request_id', true), ''),
        action, object_kind, object_id, before, after,
        head.hash,
        null
    );
    event.hash := app.audit_hash(event);
    insert into app.audit_events select event.*;
    update app.audit_heads as heads set position = event.position, hash = event.hash
    where heads.workspace_id is not distinct from chain;
end
$$;

-- The trigger of a watched table. Its arguments: the columns that name a row, then
-- those that are never recorded (secrets, identities, heartbeats).
create function app.record_change() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
declare
    naming text[] := tg_argv[0]::text[];
    unrecorded text[] := tg_argv[1]::text[];
    before jsonb;
    after jsonb;
    subject jsonb;
begin
    if tg_op <> 'INSERT' then
        before := to_jsonb(old);
    end if;
    if tg_op <> 'DELETE' then
        after := to_jsonb(new);
    end if;
    subject := coalesce(after, before);
    before := before - unrecorded - 'workspace_id';
    after := after - unrecorded - 'workspace_id';
    if tg_op = 'UPDATE' then
        select jsonb_object_agg(was.key, was.value), jsonb_object_agg(was.key, is_now.value)
        into before, after
        from jsonb_each(before) as was
        inner join jsonb_each(after) as is_now on was.key = is_now.key
        where was.value is distinct from is_now.value;
        if after is null then
            return null;
        end if;
    end if;
    perform app.append_event(
        (subject ->> 'workspace_id')::uuid,
        tg_table_name || '.' || case tg_op
            when 'INSERT' then 'created' when 'UPDATE' then 'changed' else 'deleted'
        end,
        tg_table_name,
        (select string_agg(subject ->> name, '/') from unnest(naming) as name),
        before,
        after
    );
    return null;
end
$$;

-- Watch a table: each change of a row is in the log when it commits, whoever makes
-- it. Deferred, so that the chain is locked last and never while waiting for a row.
create function app.watch(watched regclass, variadic unrecorded text[] default '{}')
returns void
language plpgsql as $$
declare
    naming text[];
begin
    select array_agg(attname::text order by array_position(indkey::int2[], attnum))
    into naming
    from pg_index
    inner join pg_attribute
        on indrelid = attrelid and attnum = any(indkey::int2[])
    where
        indrelid = watched
        and indisprimary
        and (attname <> 'workspace_id' or indnatts = 1);
    execute format(
        'create constraint trigger record_change
            after insert or update or delete on %s
            deferrable initially deferred
            for each row execute function app.record_change(%L, %L)',
        watched, naming, unrecorded
    );
end
$$;

-- What is written stays. Retention alone removes the oldest links, through
-- app.prune_audit, which leaves a link that says so.
create function app.refuse_to_rewrite() returns trigger
language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('app.prunes_audit', true) = 'on' then
        return null;
    end if;
    raise exception 'the audit log is only ever appended to';
end
$$;
create trigger only_appended
before update or delete or truncate on app.audit_events
for each statement execute function app.refuse_to_rewrite();

-- Remove the links of a chain that are older than a moment; the next one says up to
-- where, so that the rest of the chain still holds.
create function app.prune_audit(chain uuid, until timestamptz) returns bigint
language plpgsql set search_path = pg_catalog
as $$
declare
    through record;
    removed bigint;
begin
    select events.position, encode(events.hash, 'hex') as hash into through
    from app.audit_events as events
    where events.workspace_id is not distinct from chain and occurred_at < until
    order by events.position desc limit 1;
    if not found then
        return 0;
    end if;
    perform set_config('app.prunes_audit', 'on', true);
    delete from app.audit_events as events
    where
        events.workspace_id is not distinct from chain
        and events.position <= through.position;
    get diagnostics removed = row_count;
    perform set_config('app.prunes_audit', '', true);
    perform app.append_event(
        chain, 'audit.pruned', 'audit', through.position::text, null,
        jsonb_build_object(
            'through_position', through.position,
            'through_hash', through.hash,
            'count', removed
        )
    );
    return removed;
end
$$;

-- The name of somebody who acted in the workspace that is set, members of old too.
create function app.actor_name(id text) returns text
language sql stable security definer set search_path = pg_catalog
as $$
    select users.email from app.users
    where
        users.user_id::text = id
        and exists (
            select 1 from app.audit_events
            where
                audit_events.workspace_id
                = nullif(current_setting('app.workspace_id', true), '')::uuid
                and audit_events.actor_id = id
        )
$$;

-- ── what is watched ──────────────────────────────────────────────────────────

select app.watch('app.workspaces');
select app.watch('app.members');
select app.watch('app.machines', 'hostname', 'fingerprint', 'last_batch_at');
select app.watch('app.sync_keys', 'key_hash', 'last_used_at');
select app.watch('app.data_keys', 'wrapped_key');
select app.watch('app.departments');
select app.watch('app.allocation_rules');
select app.watch('raw.billing_documents');

-- A pairing is of no workspace before somebody decides on it.
create constraint trigger record_change after update on app.pairings
deferrable initially deferred for each row
when (old.decided_at is distinct from new.decided_at)
execute function app.record_change(
    '{pairing_code}',
    '{poll_token_hash,key_salt,hostname,fingerprint,address,machine_id,delivered_at}'
);

-- A price that a workspace sets for itself is its own affair ...
create constraint trigger record_change after insert or update on raw.pricing_rates
deferrable initially deferred for each row
when (new.workspace_id is not null)
execute function app.record_change('{rate_id}', '{}');

-- ... and a catalogue of thousands of prices is one event of the house.
create function app.record_catalogue() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    if current_setting('app.catalogue_recorded', true) = now()::text then
        return null;
    end if;
    perform set_config('app.catalogue_recorded', now()::text, true);
    perform app.append_event(
        null, 'catalogue.changed', 'catalogue', new.source, null,
        (
            select jsonb_build_object(
                'source_version', new.source_version,
                'prices_added', count(*) filter (where known_from = now()),
                'prices_closed', count(*) filter (where known_to = now())
            )
            from raw.pricing_rates
            where
                workspace_id is null
                and source = new.source
                and (known_from = now() or known_to = now())
        )
    );
    return null;
end
$$;
create constraint trigger record_catalogue after insert or update on raw.pricing_rates
deferrable initially deferred for each row
when (new.workspace_id is null)
execute function app.record_catalogue();

-- Workspaces that were there before the log begin their chains.
select
    app.append_event(
        workspace_id, 'audit.begun', 'audit', workspace_id::text, null, null
    )
from app.workspaces;

revoke execute on all functions in schema app from public;
grant execute on function app.actor_name to hmc_api;
