-- Who caused a change, where a person did. Null is a daemon or an operator.
alter table raw.changes add column made_by uuid;
alter table raw.pricing_rates add column stated_by uuid;

grant insert, select on raw.pricing_rates to hmc_api;
grant update (known_to) on raw.pricing_rates to hmc_api;

-- State a price over [since, until): what was believed of that stretch is believed
-- until now, what lies outside of it stays, and the rebuild is told what to price again.
-- Rates in microdollars per million tokens: input, output, thinking, cache reads, writes.
create function raw.state_rate(
    for_workspace uuid,
    of_provider text,
    of_model text,
    above integer,
    rates bigint [],
    since timestamptz,
    until timestamptz,
    from_source text,
    from_version text,
    by_user uuid
) returns bigint
language plpgsql set search_path = pg_catalog
as $$
declare
    moment timestamptz;
    stated bigint;
begin
    -- One at a time, and the moment after the wait: beliefs follow one another.
    perform pg_advisory_xact_lock(7203);
    moment := clock_timestamp();

    with closed as (
        update raw.pricing_rates set known_to = moment
        where
            pricing_rates.workspace_id is not distinct from for_workspace
            and pricing_rates.provider = of_provider
            and pricing_rates.model = of_model
            and pricing_rates.prompt_tokens_above = above
            and pricing_rates.known_to is null
            and tstzrange(pricing_rates.valid_from, pricing_rates.valid_to)
            && tstzrange(since, until)
        returning pricing_rates.*
    )

    insert into raw.pricing_rates (
        workspace_id, provider, model, prompt_tokens_above, input_rate, output_rate,
        thinking_rate, cache_read_rate, cache_write_rate, valid_from, valid_to,
        known_from, source, source_version, stated_by
    )
    select
        closed.workspace_id, closed.provider, closed.model, closed.prompt_tokens_above,
        closed.input_rate, closed.output_rate, closed.thinking_rate,
        closed.cache_read_rate, closed.cache_write_rate, rest.valid_from,
        rest.valid_to, moment, closed.source, closed.source_version, closed.stated_by
    from closed
    cross join lateral (
        values
        (closed.valid_from, since),
        (until, closed.valid_to)
    ) as rest (valid_from, valid_to)
    where
        rest.valid_from is not null
        and rest.valid_from >= closed.valid_from
        and (rest.valid_from < rest.valid_to or rest.valid_to is null)
        and (rest.valid_from < closed.valid_to or closed.valid_to is null);

    insert into raw.pricing_rates (
        workspace_id, provider, model, prompt_tokens_above, input_rate, output_rate,
        thinking_rate, cache_read_rate, cache_write_rate, valid_from, valid_to,
        known_from, source, source_version, stated_by
    )
    values (
        for_workspace, of_provider, of_model, above, rates[1], rates[2], rates[3],
        rates[4], rates[5], since, until, moment, from_source, from_version, by_user
    )
    returning rate_id into stated;

    insert into raw.changes (
        kind, cause, workspace_id, provider, model, since, until, made_by
    )
    values (
        'revision', 'rate', for_workspace, of_provider, of_model, since, until, by_user
    );
    return stated;
end
$$;

-- Stop believing a price of a workspace (null: of the catalogue). False when there is
-- no such price to withdraw.
create function raw.withdraw_rate(
    for_workspace uuid, which bigint, by_user uuid
) returns boolean
language plpgsql set search_path = pg_catalog
as $$
declare
    withdrawn raw.pricing_rates;
begin
    perform pg_advisory_xact_lock(7203);
    update raw.pricing_rates set known_to = clock_timestamp()
    where
        pricing_rates.rate_id = which
        and pricing_rates.workspace_id is not distinct from for_workspace
        and pricing_rates.known_to is null
    returning * into withdrawn;
    if withdrawn.rate_id is null then
        return false;
    end if;
    insert into raw.changes (
        kind, cause, workspace_id, provider, model, since, until, made_by
    )
    values (
        'revision', 'rate', for_workspace, withdrawn.provider, withdrawn.model,
        withdrawn.valid_from, withdrawn.valid_to, by_user
    );
    return true;
end
$$;

revoke execute on function raw.state_rate, raw.withdraw_rate from public;
grant execute on function raw.state_rate, raw.withdraw_rate to hmc_api;
