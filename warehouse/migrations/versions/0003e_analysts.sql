-- A login's name says nothing: names of logins are seen by every other login.
create table app.analyst_logins (
    workspace_id uuid not null references app.workspaces,
    login text not null unique check (login ~ '^hmc_analyst_[0-9a-f]{12}$'),
    label text not null check (length(label) between 1 and 200),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    primary key (workspace_id, login)
);
select app.isolate('app.analyst_logins');
select app.watch('app.analyst_logins');

-- The workspace of whoever logged in, whatever role or setting they have taken since.
create function app.workspace_of_login() returns uuid
language sql stable security definer set search_path = pg_catalog
as $$
    select analyst_logins.workspace_id from app.analyst_logins
    inner join app.workspaces
        on analyst_logins.workspace_id = workspaces.workspace_id
    where
        analyst_logins.login = session_user
        and analyst_logins.revoked_at is null
        and now() < analyst_logins.expires_at
        and workspaces.deleted_at is null
$$;

revoke execute on all functions in schema app from public;
grant usage on schema app to hmc_analyst_login;
grant execute on function app.workspace_of_login to hmc_analyst_login;
