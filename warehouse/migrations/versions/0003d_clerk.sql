alter table app.workspaces add column organization_id text unique;
grant update (organization_id) on app.workspaces to hmc_api;

-- Messages that were heard: one that comes again changes nothing.
create table app.webhook_messages (
    message_id text primary key check (length(message_id) <= 200),
    received_at timestamptz not null default now()
);
create index webhook_messages_received on app.webhook_messages (received_at);
grant select, insert, delete on app.webhook_messages to hmc_api;

create function app.workspace_of_organization(id text)
returns table (workspace_id uuid, is_deleted boolean)
language sql stable security definer set search_path = pg_catalog
as $$
    select workspaces.workspace_id, workspaces.deleted_at is not null
    from app.workspaces where workspaces.organization_id = id
$$;

-- Make a user known by a subject and an address that the issuer has verified.
-- Somebody who was known here by that address before is the same person.
create function app.know_user(verified_subject text, verified_email text) returns void
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    update app.users set email = lower(verified_email)
    where users.subject = verified_subject;
    if not found then
        insert into app.users (email, subject)
        values (lower(verified_email), verified_subject)
        on conflict (email) do update set subject = excluded.subject;
    end if;
end
$$;

-- Somebody whom the issuer has deleted: no session of theirs holds any more, and they
-- are a member nowhere but where they are the last owner.
create function app.user_gone(gone_subject text) returns void
language plpgsql security definer set search_path = pg_catalog
as $$
declare
    gone uuid;
begin
    update app.users
    set subject = 'gone_' || replace(gen_random_uuid()::text, '-', '')
    where users.subject = gone_subject
    returning users.user_id into gone;
    delete from app.members
    where
        members.user_id = gone
        and (
            members.role <> 'owner'
            or exists (
                select 1 from app.members as others
                where
                    others.workspace_id = members.workspace_id
                    and others.role = 'owner'
                    and others.user_id <> gone
            )
        );
end
$$;

drop function app.memberships_of(uuid);
create function app.memberships_of(person uuid)
returns table (
    workspace_id uuid,
    slug text,
    former_slugs text[],
    name text,
    tier text,
    role text,
    organization_id text,
    deleted_at timestamptz
)
language sql stable security definer set search_path = pg_catalog
as $$
    select
        workspaces.workspace_id,
        workspaces.slug,
        array(
            select workspace_slugs.slug from app.workspace_slugs
            where
                workspace_slugs.workspace_id = workspaces.workspace_id
                and workspace_slugs.slug <> workspaces.slug
        ),
        workspaces.name,
        workspaces.tier,
        members.role,
        workspaces.organization_id,
        workspaces.deleted_at
    from app.members
    inner join app.workspaces
        on members.workspace_id = workspaces.workspace_id
    where members.user_id = person
    order by workspaces.name
$$;

revoke execute on all functions in schema app from public;
grant execute on function
app.workspace_of_organization, app.know_user, app.user_gone, app.memberships_of
to hmc_api;
