-- A figure can be had as it was known at an earlier moment, which is as of the last
-- cycle published by then. For that, a request keeps the cycle that published it as it
-- stands, and what it was published as before stays here. What was answered before this
-- migration is not remembered.
alter table raw.cycles add column is_remembered boolean not null default false;
alter table raw.cycles alter column is_remembered set default true;

-- Further columns are those of fct_priced_requests: raw.follow_columns adds them.
create table raw.superseded_requests (
    workspace_id uuid not null,
    request_id uuid not null,
    usage_hour timestamptz not null,
    known_from_cycle bigint not null,
    known_to_cycle bigint not null,
    primary key (workspace_id, request_id, known_to_cycle)
);
create index superseded_requests_hour
on raw.superseded_requests (workspace_id, usage_hour);
select app.isolate('raw.superseded_requests');
grant select on raw.superseded_requests to hmc_api;

create function raw.follow_columns(following regclass, followed regclass) returns void
language plpgsql set search_path = pg_catalog
as $$
declare
    missing record;
begin
    for missing in
        select attname, format_type(atttypid, atttypmod) as type_name
        from pg_attribute
        where
            attrelid = followed
            and attnum > 0
            and not attisdropped
            and attname not in (
                select attname from pg_attribute
                where attrelid = following and not attisdropped
            )
        order by attnum
    loop
        execute format(
            'alter table %s add column %I %s',
            following, missing.attname, missing.type_name
        );
    end loop;
end
$$;
revoke execute on function raw.follow_columns from public;

-- Arrivals stay in the ledger from now on: which cycle published them, and which
-- version of the daemon sent them.
alter table raw.changes add column daemon_version text;

-- The zone that a workspace reports in is what the ledger says last: a cycle books
-- days by the zone of the changes that it has frozen, and by no later one.
alter table raw.changes add column time_zone text;
create index changes_revising on raw.changes (workspace_id, cause, change_id)
where kind = 'revision';

create function app.note_time_zone() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    insert into raw.changes (kind, cause, workspace_id, time_zone, made_by)
    values (
        'revision', 'time_zone', new.workspace_id, new.reporting_time_zone,
        nullif(current_setting('app.user_id', true), '')::uuid
    );
    return null;
end
$$;
create trigger time_zone_is_set after insert on app.workspaces
for each row when (new.reporting_time_zone <> 'UTC')
execute function app.note_time_zone();
create trigger time_zone_is_changed after update on app.workspaces
for each row when (new.reporting_time_zone <> old.reporting_time_zone)
execute function app.note_time_zone();

insert into raw.changes (kind, cause, workspace_id, time_zone)
select 'revision', 'time_zone', workspace_id, reporting_time_zone
from app.workspaces where reporting_time_zone <> 'UTC';

-- A bill counts from the cycle that published its entry in the ledger, until one has
-- published that it is superseded. No change: it counted before there was memory.
alter table raw.billing_documents add column change_id bigint;
alter table raw.billing_documents add column superseded_by_change bigint;

create function raw.note_document() returns trigger
language plpgsql set search_path = pg_catalog
as $$
declare
    noted bigint;
begin
    insert into raw.changes (kind, cause, workspace_id, provider, since, made_by)
    values (
        'revision', 'billing', new.workspace_id, new.provider,
        new.period_month::timestamp at time zone 'UTC', new.entered_by
    )
    returning change_id into noted;
    if tg_op = 'INSERT' then
        new.change_id := noted;
    else
        new.superseded_by_change := noted;
    end if;
    return new;
end
$$;
create trigger document_is_entered before insert on raw.billing_documents
for each row execute function raw.note_document();
create trigger document_is_superseded before update on raw.billing_documents
for each row when (old.superseded_at is null and new.superseded_at is not null)
execute function raw.note_document();
