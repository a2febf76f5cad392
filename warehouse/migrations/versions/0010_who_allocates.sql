-- As before, and the ledger says who said so. From a moment on, a machine is
-- somebody's (the first owner's from the beginning); what it sent since is allocated again.
create or replace function app.own_machine(
    of_workspace uuid, machine uuid, person uuid, since timestamptz
) returns void
language plpgsql security definer set search_path = pg_catalog
as $$
declare
    starts timestamptz := since;
begin
    -- Whoever is in a workspace says so of its machines alone.
    if of_workspace <> coalesce(
        nullif(current_setting('app.workspace_id', true), '')::uuid, of_workspace
    ) then
        raise exception 'another workspace''s machine';
    end if;
    perform pg_advisory_xact_lock(7205, hashtext(machine::text));
    if not exists (
        select 1 from app.machine_owners as owners
        where owners.workspace_id = of_workspace and owners.machine_id = machine
    ) then
        starts := '1970-01-01 00:00:00+00';
    elsif exists (
        select 1 from app.machine_owners as owners
        where
            owners.workspace_id = of_workspace
            and owners.machine_id = machine
            and owners.user_id = person
            and owners.valid_from <= since
            and owners.valid_to is null
    ) then
        return;
    end if;
    delete from app.machine_owners as owners
    where
        owners.workspace_id = of_workspace
        and owners.machine_id = machine
        and owners.valid_from >= starts;
    update app.machine_owners as owners set valid_to = starts
    where
        owners.workspace_id = of_workspace
        and owners.machine_id = machine
        and (owners.valid_to > starts or owners.valid_to is null);
    insert into app.machine_owners (workspace_id, machine_id, user_id, valid_from)
    values (of_workspace, machine, person, starts);
    insert into raw.changes (kind, cause, workspace_id, machine_id, since, made_by)
    values (
        'revision', 'allocation', of_workspace, machine, starts,
        nullif(current_setting('app.user_id', true), '')::uuid
    );
end
$$;
