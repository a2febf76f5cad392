-- ── departments: a tree with history, and pools that are handed on ───────────

-- A pool is a department whose cost is split over others, so that a rule gives to
-- either. It opens and retires on UTC days: a rollup and a budget are of days.
alter table app.departments
add column kind text not null default 'department'
check (kind in ('department', 'pool')),
add column opened_on date not null default '1970-01-01',
add column retired_on date check (retired_on >= opened_on);

-- Whose child a department is over [valid_from, valid_to); no row is a root.
create table app.department_parents (
    workspace_id uuid not null,
    department_id uuid not null,
    parent_id uuid not null check (parent_id <> department_id),
    valid_from date not null,
    valid_to date check (valid_to > valid_from),
    primary key (workspace_id, department_id, valid_from),
    foreign key (workspace_id, department_id) references app.departments,
    foreign key (workspace_id, parent_id) references app.departments,
    constraint one_parent_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || department_id,
            workspace_id || '/' || department_id, '[]'
        ) with &&,
        daterange(valid_from, valid_to) with &&
    )
);
insert into app.department_parents (workspace_id, department_id, parent_id, valid_from)
select workspace_id, department_id, parent_id, date '1970-01-01'
from app.departments
where parent_id is not null;
alter table app.departments drop column parent_id;

-- A name can be taken again once its department is retired.
alter table app.departments drop constraint departments_workspace_id_name_key;
create unique index departments_name on app.departments (workspace_id, name)
where retired_on is null;

-- Nobody is their own ancestor, on any day. Judged at commit, one change of a
-- workspace's tree after the other.
create function app.keep_a_tree() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    perform pg_advisory_xact_lock(7204, hashtext(new.workspace_id::text));
    if exists (
        with recursive climbed as (
            select
                new.parent_id as ancestor_id,
                new.valid_from as since,
                coalesce(new.valid_to, 'infinity'::date) as until
            union
            select
                parents.parent_id,
                greatest(climbed.since, parents.valid_from),
                least(climbed.until, coalesce(parents.valid_to, 'infinity'::date))
            from climbed
            inner join app.department_parents as parents
                on
                    parents.workspace_id = new.workspace_id
                    and parents.department_id = climbed.ancestor_id
                    and parents.valid_from < climbed.until
                    and coalesce(parents.valid_to, 'infinity'::date) > climbed.since
            where climbed.ancestor_id <> new.department_id
        )
        select 1 from climbed where ancestor_id = new.department_id
    ) then
        raise exception 'a department would be its own ancestor'
        using errcode = 'check_violation', constraint = 'a_tree';
    end if;
    return null;
end
$$;
create constraint trigger keep_a_tree after insert or update on app.department_parents
deferrable initially deferred for each row execute function app.keep_a_tree();

-- How a pool is split over [valid_from, valid_to), and over whom. No shares: over
-- every department that is open that day.
create table app.pool_splits (
    workspace_id uuid not null,
    pool_id uuid not null,
    split text not null check (split in ('proportional', 'even', 'fixed')),
    valid_from date not null,
    valid_to date check (valid_to > valid_from),
    primary key (workspace_id, pool_id, valid_from),
    foreign key (workspace_id, pool_id) references app.departments,
    constraint one_split_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || pool_id, workspace_id || '/' || pool_id, '[]'
        ) with &&,
        daterange(valid_from, valid_to) with &&
    )
);
create table app.pool_shares (
    workspace_id uuid not null,
    pool_id uuid not null,
    department_id uuid not null,
    weight bigint not null check (weight between 1 and 1000000000),
    valid_from date not null,
    valid_to date check (valid_to > valid_from),
    primary key (workspace_id, pool_id, department_id, valid_from),
    foreign key (workspace_id, pool_id) references app.departments,
    foreign key (workspace_id, department_id) references app.departments,
    constraint one_share_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || pool_id || '/' || department_id,
            workspace_id || '/' || pool_id || '/' || department_id, '[]'
        ) with &&,
        daterange(valid_from, valid_to) with &&
    )
);


-- ── rules: by member and by tag too ──────────────────────────────────────────

alter table app.allocation_rules drop constraint allocation_rules_match_on_check;
alter table app.allocation_rules add constraint allocation_rules_match_on_check
check (match_on in ('project', 'tag', 'machine', 'member', 'provider'));

-- Labels that a workspace puts on projects.
create table app.project_tags (
    workspace_id uuid not null references app.workspaces,
    project text not null check (length(project) between 1 and 255),
    tag text not null check (length(tag) between 1 and 100),
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    primary key (workspace_id, project, tag, valid_from),
    constraint one_label_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || length(project) || '/' || project || '/' || tag,
            workspace_id || '/' || length(project) || '/' || project || '/' || tag,
            '[]'
        ) with &&,
        tstzrange(valid_from, valid_to) with &&
    )
);

-- Whose machine it is: whoever approved its pairing, until somebody says otherwise.
-- A laptop that changes hands takes only its future along.
create table app.machine_owners (
    workspace_id uuid not null,
    machine_id uuid not null,
    user_id uuid not null references app.users,
    valid_from timestamptz not null,
    valid_to timestamptz check (valid_to > valid_from),
    primary key (workspace_id, machine_id, valid_from),
    foreign key (workspace_id, machine_id) references app.machines,
    constraint one_owner_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || machine_id, workspace_id || '/' || machine_id, '[]'
        ) with &&,
        tstzrange(valid_from, valid_to) with &&
    )
);

-- From a moment on, a machine is somebody's (the first owner's from the beginning);
-- what it sent since is allocated again.
create function app.own_machine(
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
    insert into raw.changes (kind, cause, workspace_id, machine_id, since)
    values ('revision', 'allocation', of_workspace, machine, starts);
end
$$;

create function app.own_what_was_paired() returns trigger
language plpgsql security definer set search_path = pg_catalog
as $$
begin
    perform app.own_machine(
        new.workspace_id, new.machine_id, new.decided_by, clock_timestamp()
    );
    return null;
end
$$;
create trigger own_what_was_paired after update of machine_id on app.pairings
for each row
when (
    new.machine_id is not null
    and new.machine_id is distinct from old.machine_id
    and new.decided_by is not null
)
execute function app.own_what_was_paired();

insert into app.machine_owners (workspace_id, machine_id, user_id, valid_from)
select distinct on (pairings.workspace_id, pairings.machine_id)
    pairings.workspace_id,
    pairings.machine_id,
    pairings.decided_by,
    timestamptz '1970-01-01 00:00:00+00'
from app.pairings
inner join app.machines
    on
        pairings.workspace_id = machines.workspace_id
        and pairings.machine_id = machines.machine_id
where pairings.decided_by is not null
order by pairings.workspace_id, pairings.machine_id, pairings.delivered_at desc;

-- Take the rules for one value out of a stretch of time: what lies across its ends
-- keeps its rest, so that another rule has room.
create function app.clear_rules(
    of_workspace uuid, on_what text, of_value text, since timestamptz, until timestamptz
) returns bigint
language plpgsql set search_path = pg_catalog
as $$
declare
    cleared bigint;
begin
    with gone as (
        delete from app.allocation_rules as rules
        where
            rules.workspace_id = of_workspace
            and rules.match_on = on_what
            and rules.match_value = of_value
            and tstzrange(rules.valid_from, rules.valid_to)
            && tstzrange(since, until)
        returning rules.*
    ),

    kept as (
        insert into app.allocation_rules (
            workspace_id, rule_id, priority, match_on, match_value, department_id,
            valid_from, valid_to, created_by, created_at
        )
        select
            gone.workspace_id,
            case when rest.is_before then gone.rule_id else gen_random_uuid() end,
            gone.priority, gone.match_on, gone.match_value, gone.department_id,
            rest.valid_from, rest.valid_to, gone.created_by, gone.created_at
        from gone
        cross join lateral (
            values
            (true, gone.valid_from, since),
            (false, until, gone.valid_to)
        ) as rest (is_before, valid_from, valid_to)
        where
            rest.valid_from is not null
            and rest.valid_from >= gone.valid_from
            and (rest.valid_from < rest.valid_to or rest.valid_to is null)
    )

    select count(*) into cleared from gone;
    return cleared;
end
$$;


-- ── budgets ──────────────────────────────────────────────────────────────────

-- An amount per calendar month over [first_month, end_month).
create table app.budgets (
    workspace_id uuid not null references app.workspaces,
    budget_id uuid not null default gen_random_uuid(),
    scope text not null check (scope in ('workspace', 'department', 'project')),
    department_id uuid,
    project text check (length(project) between 1 and 255),
    amount_pico numeric(38, 0) not null check (amount_pico > 0),
    first_month date not null check (extract(day from first_month) = 1),
    end_month date
    check (end_month > first_month and extract(day from end_month) = 1),
    set_by uuid references app.users,
    set_at timestamptz not null default now(),
    primary key (workspace_id, budget_id),
    foreign key (workspace_id, department_id) references app.departments,
    check ((scope = 'department') = (department_id is not null)),
    check ((scope = 'project') = (project is not null)),
    constraint one_budget_at_a_time exclude using gist (
        app.text_span(
            workspace_id || '/' || scope || '/'
            || coalesce(department_id::text, project, ''),
            workspace_id || '/' || scope || '/'
            || coalesce(department_id::text, project, ''), '[]'
        ) with &&,
        daterange(first_month, end_month) with &&
    )
);

-- A line that a budget's month has crossed, written once, with the figures of then.
create table app.budget_alerts (
    workspace_id uuid not null,
    budget_id uuid not null,
    period_month date not null,
    line text not null check (line in ('50', '80', '100', 'forecast')),
    raised_at timestamptz not null default clock_timestamp(),
    amount_pico numeric(38, 0) not null,
    spent_pico numeric(38, 0) not null,
    forecast_pico numeric(38, 0),
    primary key (workspace_id, budget_id, period_month, line),
    foreign key (workspace_id, budget_id) references app.budgets on delete cascade
);


-- ── findings that somebody has put aside ─────────────────────────────────────

create table app.finding_dismissals (
    workspace_id uuid not null references app.workspaces,
    finding_id text not null check (finding_id ~ '^[0-9a-f]{32}$'),
    reason text not null check (length(reason) between 1 and 1000),
    dismissed_by uuid references app.users,
    dismissed_at timestamptz not null default now(),
    primary key (workspace_id, finding_id)
);


-- ── who sees what ────────────────────────────────────────────────────────────

select app.isolate('app.department_parents');
select app.isolate('app.pool_splits');
select app.isolate('app.pool_shares');
select app.isolate('app.project_tags');
select app.isolate('app.machine_owners');
select app.isolate('app.budgets');
select app.isolate('app.budget_alerts');
select app.isolate('app.finding_dismissals');

select app.watch('app.department_parents');
select app.watch('app.pool_splits');
select app.watch('app.pool_shares');
select app.watch('app.project_tags');
select app.watch('app.machine_owners');
select app.watch('app.budgets');
select app.watch('app.budget_alerts');
select app.watch('app.finding_dismissals');

grant update (name, retired_on) on app.departments to hmc_api;
grant select, insert, delete on
app.department_parents, app.pool_splits, app.pool_shares, app.project_tags,
app.finding_dismissals, app.budgets to hmc_api;
grant update (valid_to) on
app.department_parents, app.pool_splits, app.pool_shares, app.project_tags to hmc_api;
grant update (end_month) on app.budgets to hmc_api;
grant update (reason, dismissed_by, dismissed_at) on app.finding_dismissals to hmc_api;
grant select on app.machine_owners, app.budget_alerts to hmc_api;
grant delete on app.allocation_rules to hmc_api;

revoke execute on all functions in schema app from public;
grant execute on function app.own_machine, app.clear_rules to hmc_api;
