create table app.api_keys (
    workspace_id uuid not null references app.workspaces,
    api_key_id uuid not null default gen_random_uuid(),
    name text not null check (length(name) between 1 and 200),
    key_hash bytea not null,  -- SHA-256 of 256 random bits
    scopes text[] not null check (cardinality(scopes) > 0),
    created_by uuid not null references app.users,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    last_used_at timestamptz,  -- to the hour: enough to see which are in use
    primary key (workspace_id, api_key_id)
);
create unique index api_keys_hash on app.api_keys (key_hash);
select app.isolate('app.api_keys');
select app.watch('app.api_keys', 'key_hash', 'last_used_at');
grant insert,
select (
    workspace_id, api_key_id, name, scopes, created_by, created_at, expires_at,
    revoked_at, last_used_at
)
on app.api_keys to hmc_api;
grant update (revoked_at) on app.api_keys to hmc_api;

-- What an API key may do, by its hash: never more than the member who made it may do
-- now, and nothing once they are gone.
create function app.holder_of_key(hash bytea)
returns table (
    workspace_id uuid,
    slug text,
    former_slugs text[],
    name text,
    tier text,
    role text,
    user_id uuid,
    email text,
    api_key_id uuid,
    scopes text[]
)
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    update app.api_keys set last_used_at = date_trunc('hour', now())
    where
        api_keys.key_hash = hash
        and (
            api_keys.last_used_at is null
            or api_keys.last_used_at < date_trunc('hour', now())
        );
    return query select
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
        users.user_id,
        users.email,
        api_keys.api_key_id,
        api_keys.scopes
    from app.api_keys
    inner join app.workspaces
        on api_keys.workspace_id = workspaces.workspace_id
    inner join app.members
        on
            api_keys.workspace_id = members.workspace_id
            and api_keys.created_by = members.user_id
    inner join app.users on members.user_id = users.user_id
    where
        api_keys.key_hash = hash
        and api_keys.revoked_at is null
        and now() < api_keys.expires_at
        and workspaces.deleted_at is null;
end
$$;

revoke execute on all functions in schema app from public;
grant execute on function app.holder_of_key to hmc_api;
