-- ── members ──────────────────────────────────────────────────────────────────

grant insert, update (role), delete on app.members to hmc_api;

-- A workspace always keeps an owner. Judged at commit, holding the workspace: two
-- owners who leave at the same moment come one after the other.
create function app.keep_an_owner() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    perform 1 from app.workspaces
    where workspaces.workspace_id = old.workspace_id and deleted_at is null
    for update;
    if found and not exists (
        select 1 from app.members
        where members.workspace_id = old.workspace_id and members.role = 'owner'
    ) then
        raise exception 'a workspace keeps at least one owner'
        using errcode = 'check_violation', constraint = 'last_owner';
    end if;
    return null;
end
$$;
create constraint trigger keep_an_owner after update or delete on app.members
deferrable initially deferred for each row when (old.role = 'owner')
execute function app.keep_an_owner();


-- ── invitations ──────────────────────────────────────────────────────────────

create table app.invitations (
    workspace_id uuid not null references app.workspaces,
    invitation_id uuid not null default gen_random_uuid(),
    email text not null check (email = lower(email) and length(email) <= 320),
    role text not null
    check (role in ('owner', 'admin', 'editor', 'member', 'viewer', 'billing')),
    token_hash bytea not null,  -- SHA-256 of 256 random bits, as of every secret
    invited_by uuid references app.users,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    primary key (workspace_id, invitation_id)
);
create unique index invitations_token on app.invitations (token_hash);
create unique index one_invitation_at_a_time on app.invitations (workspace_id, email)
where accepted_at is null and revoked_at is null;
select app.isolate('app.invitations');
select app.watch('app.invitations', 'email', 'token_hash');
grant insert,
select (
    workspace_id, invitation_id, email, role, invited_by, created_at, expires_at,
    accepted_at, revoked_at
)
on app.invitations to hmc_api;
grant update (token_hash, expires_at, accepted_at, revoked_at) on app.invitations
to hmc_api;

-- An invitation that can still be accepted, by the hash of its token.
create function app.invitation_of_token(hash bytea)
returns table (
    workspace_id uuid,
    slug text,
    workspace_name text,
    tier text,
    invitation_id uuid,
    email text,
    role text,
    expires_at timestamptz
)
language sql stable security definer set search_path = pg_catalog
as $$
    select
        invitations.workspace_id,
        workspaces.slug,
        workspaces.name,
        workspaces.tier,
        invitations.invitation_id,
        invitations.email,
        invitations.role,
        invitations.expires_at
    from app.invitations
    inner join app.workspaces
        on invitations.workspace_id = workspaces.workspace_id
    where
        invitations.token_hash = hash
        and invitations.accepted_at is null
        and invitations.revoked_at is null
        and now() < invitations.expires_at
        and workspaces.deleted_at is null
$$;

-- Who signs in with the local issuer: somebody known, or somebody who is invited and
-- becomes known by it.
drop function app.subject_of_email(text);
create function app.local_subject_of(address text) returns text
language plpgsql security definer set search_path = pg_catalog
as $$
declare
    known text;
begin
    select users.subject into known from app.users where users.email = lower(address);
    if known is null and exists (
        select 1 from app.invitations
        where
            invitations.email = lower(address)
            and accepted_at is null and revoked_at is null and now() < expires_at
    ) then
        insert into app.users (email, subject)
        values (lower(address), 'local_' || replace(gen_random_uuid()::text, '-', ''))
        on conflict (email) do update set email = excluded.email
        returning users.subject into known;
    end if;
    return known;
end
$$;


-- ── workspaces ───────────────────────────────────────────────────────────────

grant insert on app.workspaces to hmc_api;
grant update (name, slug, tier, reporting_time_zone, stores_bodies, deleted_at)
on app.workspaces to hmc_api;

-- Every slug that a workspace ever had stays its own: old links lead to it, never to
-- somebody else.
create table app.workspace_slugs (
    workspace_id uuid not null references app.workspaces,
    slug text primary key,
    since timestamptz not null default now()
);
create index workspace_slugs_workspace on app.workspace_slugs (workspace_id);
select app.isolate('app.workspace_slugs');
insert into app.workspace_slugs (workspace_id, slug)
select workspace_id, slug from app.workspaces;

create function app.keep_slug() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    insert into app.workspace_slugs (workspace_id, slug)
    values (new.workspace_id, new.slug)
    on conflict (slug) do update set since = now()
    where workspace_slugs.workspace_id = excluded.workspace_id;
    if not found then
        raise exception 'this slug is another workspace''s'
        using errcode = 'unique_violation', constraint = 'workspaces_slug_key';
    end if;
    return null;
end
$$;
create trigger keep_slug after insert or update of slug on app.workspaces
for each row execute function app.keep_slug();

-- The workspaces of a person, with the role in each, those too that are deleted and
-- can still be restored.
drop function app.memberships_of(uuid);
create function app.memberships_of(person uuid)
returns table (
    workspace_id uuid,
    slug text,
    former_slugs text[],
    name text,
    tier text,
    role text,
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
        workspaces.deleted_at
    from app.members
    inner join app.workspaces
        on members.workspace_id = workspaces.workspace_id
    where members.user_id = person
    order by workspaces.name
$$;

revoke execute on all functions in schema app from public;
grant execute on function
app.invitation_of_token, app.local_subject_of, app.memberships_of to hmc_api;
