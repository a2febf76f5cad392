-- Whoever approved a pairing answers for its machine: when they leave the workspace,
-- their machines stop. Null where an operator approved it.
alter table app.sync_keys add column paired_by uuid references app.users;

-- The machine that a sync key speaks for: by the hash of 256 secret bits. Beside
-- app.machine_of_key, which processes of before this migration still ask.
create function app.sender_of_key(hash bytea)
returns table (
    workspace_id uuid,
    workspace_name text,
    machine_id uuid,
    sync_key_id uuid,
    hostname text,
    daemon_version text,
    connected_at timestamptz,
    workspace_is_gone boolean,
    membership_is_gone boolean
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
        workspaces.deleted_at is not null,
        sync_keys.paired_by is not null and members.user_id is null
    from app.sync_keys
    inner join app.machines
        on
            sync_keys.workspace_id = machines.workspace_id
            and sync_keys.machine_id = machines.machine_id
    inner join app.workspaces
        on sync_keys.workspace_id = workspaces.workspace_id
    left join app.members
        on
            sync_keys.workspace_id = members.workspace_id
            and sync_keys.paired_by = members.user_id
    where sync_keys.key_hash = hash and sync_keys.revoked_at is null
$$;

revoke execute on function app.sender_of_key from public;
grant execute on function app.sender_of_key to hmc_ingest;
