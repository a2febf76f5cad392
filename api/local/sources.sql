-- The daemon's file under the names and in the types of `raw` and `app`. Everything
-- comes in as text, because SQLite keeps any value in any column; what cannot be read
-- makes its row untyped, and untyped rows are counted and left out.
-- `daemon_*` are the daemon's tables with every column there is, made by engine.py,
-- which points `daemon_requests` at the rows that are wanted.

create temp macro whole(value) as
    case when not contains(value, '.') then try_cast(value as bigint) end;

create temp macro token_count(value) as
    case when whole(value) between 0 and 1000000000 then whole(value) end;

create temp macro moment(value) as
    case
        when
            try_cast(value as timestamptz)
            between timestamptz '1970-01-01 00:00:00+00'
            and timestamptz '9999-12-30 00:00:00+00'
            then try_cast(value as timestamptz)
    end;

-- Text with an exponent goes by way of double: DuckDB reads '6.5e-14' as 0.001.
create temp macro thousandths(value) as
    case
        when contains(lower(value), 'e')
            then try_cast(try_cast(value as double) as decimal(14, 3))
        else try_cast(value as decimal(14, 3))
    end;

create temp macro milliseconds(value) as
    case when thousandths(value) between 0 and 10000000000 then thousandths(value) end;

-- What the warehouse calls an id: the daemon's own, or one made from its text.
create temp macro id_of(value) as
    coalesce(try_cast(value as uuid), cast(md5(value) as uuid));

-- What a variable holds; null has a type of its own choosing, hence the way over text.
create temp macro day_in(variable) as
    cast(cast(getvariable(variable) as varchar) as date);

create temp macro moment_in(variable) as
    cast(cast(getvariable(variable) as varchar) as timestamptz);


-- One row per call that the daemon captured, typed. `place` is its rowid.
create temp view calls_read as

with

typed as (

    select
        requests.place,
        requests.id as call_id,
        requests.project_id,
        projects.slug as project,
        requests.provider,
        requests.model,
        requests.mode,
        cast(token_count(coalesce(requests.input_tokens, '0')) as integer)
            as input_tokens,
        cast(token_count(coalesce(requests.output_tokens, '0')) as integer)
            as output_tokens,
        cast(token_count(coalesce(requests.thinking_tokens, '0')) as integer)
            as thinking_tokens,
        cast(token_count(coalesce(requests.cache_read_tokens, '0')) as integer)
            as cached_tokens,
        cast(token_count(coalesce(requests.cache_write_tokens, '0')) as integer)
            as cache_write_tokens,
        case
            when
                whole(requests.cost_usd_minor_units)
                between -1000000000000000 and 1000000000000000
                then whole(requests.cost_usd_minor_units)
        end as submitted_millicents,
        requests.cost_usd_minor_units is not null as has_cost,
        try_cast(coalesce(requests.tokens_complete, '1') as boolean)
            as tokens_complete,
        milliseconds(requests.latency_ms) as latency_ms,
        milliseconds(requests.time_to_first_token_ms) as time_to_first_token_ms,
        moment(requests.requested_at) as requested_at,
        try_cast(left(requests.requested_at, 10) as date) as told_date,
        moment(requests.recorded_at) as noted_at,
        requests.source_machine,
        requests.source_workdir,
        requests.attribution_method,
        coalesce(requests.status, 'success') as status,
        requests.request_kind,
        requests.prompt_hash,
        requests.idempotency_key,
        requests.rates_source,
        requests.fx_rate,
        try_cast(requests.http_status_code as integer) as http_status,
        requests.provider_error_code,
        requests.error_class,
        try_cast(requests.retryable as boolean) as is_retryable,
        requests.billing_basis

    from daemon_requests as requests

    left join daemon_projects as projects
        on requests.project_id = projects.id

)

select
    * exclude (noted_at, told_date),
    coalesce(noted_at, requested_at) as recorded_at,
    coalesce(cast(make_timestamp(epoch_us(requested_at)) as date), told_date)
        as usage_date,
    call_id is not null
    and provider is not null
    and model is not null
    and input_tokens is not null
    and output_tokens is not null
    and thinking_tokens is not null
    and cached_tokens is not null
    and cache_write_tokens is not null
    and has_cost = (submitted_millicents is not null)
    and tokens_complete is not null
    and requested_at is not null as is_typed

from typed;


-- What is asked of calls is asked of this: the rows that are kept, or those read now.
create temp view calls as select * from calls_read;


-- What calls sum up to: one row per project, provider, model, source of rates and day.
create temp macro summed(since, until) as table
select
    project_id,
    provider,
    model,
    rates_source,
    usage_date,
    is_typed,
    count(*) as request_count,
    cast(sum(input_tokens) as bigint) as input_tokens,
    cast(sum(output_tokens) as bigint) as output_tokens,
    cast(sum(thinking_tokens) as bigint) as thinking_tokens,
    cast(sum(cached_tokens) as bigint) as cached_tokens,
    cast(sum(cache_write_tokens) as bigint) as cache_write_tokens,
    cast(sum(submitted_millicents) as decimal(38, 0)) as submitted_millicents,
    max(requested_at) as last_requested_at
from calls
where
    (since is null or requested_at >= since)
    and (until is null or requested_at < until)
group by project_id, provider, model, rates_source, usage_date, is_typed;

create temp view call_days as select * from summed(null, null);

-- One row per machine that made calls, by the id that questions know it by.
create temp view machines as
select
    id_of(coalesce(source_machine, 'this machine')) as machine_id,
    source_machine
from (select distinct source_machine from calls where is_typed);

-- The same between two days, the second not in it, and between two moments.
create temp macro sums_of_days() as table
select * from call_days
where
    (day_in('sums_since') is null or usage_date >= day_in('sums_since'))
    and (day_in('sums_until') is null or usage_date < day_in('sums_until'));

create temp macro sums_of_moments() as table
select * from summed(moment_in('sums_since'), moment_in('sums_until'));


-- raw.requests. The whole laptop is one workspace.
create temp view requests as
select
    cast('00000000-0000-4000-8000-000000000001' as uuid) as workspace_id,
    id_of(calls.call_id) as request_id,
    machines.machine_id,
    cast(0 as bigint) as change_id,
    calls.recorded_at as received_at,
    calls.requested_at,
    calls.recorded_at,
    calls.provider,
    calls.model,
    calls.project,
    calls.input_tokens,
    calls.output_tokens,
    calls.thinking_tokens,
    calls.cached_tokens,
    calls.cache_write_tokens,
    calls.submitted_millicents,
    calls.fx_rate,
    calls.tokens_complete,
    calls.latency_ms,
    calls.time_to_first_token_ms,
    calls.status,
    calls.request_kind,
    calls.attribution_method,
    calls.source_workdir,
    calls.source_machine,
    calls.prompt_hash,
    calls.idempotency_key,
    calls.error_class,
    calls.provider_error_code,
    calls.http_status,
    calls.is_retryable,
    case
        when calls.billing_basis in ('subscription_imputed', 'imported')
            then calls.billing_basis
    end as billing_basis,
    cast(null as varchar []) as flags

from calls

-- Made once per machine, not once per call.
left join machines
    on calls.source_machine is not distinct from machines.source_machine

where
    calls.is_typed
    and (getvariable('project') is null or calls.project = getvariable('project'))
    and calls.usage_date >= coalesce(day_in('since'), date '-infinity')
    and calls.usage_date <= coalesce(day_in('until'), date 'infinity');


-- One row per rate that the daemon holds, in microdollars per million tokens (its
-- millicents, ten times), under the catalogue's names of providers.
create temp table rates_read as

with

typed as (

    select
        id,
        case provider
            when 'gemini' then 'google'
            when 'x-ai' then 'xai'
            else provider
        end as provider,
        model,
        coalesce(mode, 'standard') as mode,
        10 * whole(input_rate_per_million_minor_units) as input_rate,
        10 * whole(output_rate_per_million_minor_units) as output_rate,
        10 * whole(coalesce(thinking_rate_per_million_minor_units, '0'))
            as thinking_rate,
        10 * whole(coalesce(cache_read_rate_per_million_minor_units, '0'))
            as cache_read_rate,
        10 * whole(coalesce(cache_write_rate_per_million_minor_units, '0'))
            as cache_write_rate,
        moment(coalesce(effective_from, '1970-01-01')) as valid_from,
        moment(effective_to) as valid_to,
        effective_to is not null as has_end,
        last_verified_at,
        source

    from daemon_pricing_rates

)

select
    *,
    provider is not null
    and model is not null
    and coalesce(
        least(
            input_rate, output_rate, thinking_rate, cache_read_rate, cache_write_rate
        ) >= 0
        and greatest(
            input_rate, output_rate, thinking_rate, cache_read_rate, cache_write_rate
        ) <= 1000000000
        and input_rate is not null
        and output_rate is not null
        and thinking_rate is not null
        and cache_read_rate is not null
        and cache_write_rate is not null,
        false
    )
    and valid_from is not null
    and has_end = (valid_to is not null) as is_typed

from typed;


-- raw.pricing_rates. The daemon keeps a rate per mode and lets rates overlap; the
-- warehouse has one price at a time, with a rate of its own for thinking. So time is
-- cut where any rate of a model starts or ends, and in each stretch
--   of several rates of one mode, the operator's goes first, then the one that
--   started last;
--   the standard one gives the price, and of a thinking one only the rate of
--   thinking tokens is taken. A model with rates of one mode only is priced by those.
create temp table pricing_rates as

with

rates as (

    select * from rates_read
    where is_typed and (valid_to is null or valid_to > valid_from)

),

bounds as (

    select provider, model, valid_from as starts_at from rates
    union
    select provider, model, valid_to from rates where valid_to is not null

),

stretches as (

    select
        *,
        lead(starts_at) over (
            partition by provider, model order by starts_at
        ) as ends_at
    from bounds

),

ranked as (

    select
        rates.*,
        stretches.starts_at,
        stretches.ends_at,
        row_number() over (
            partition by
                rates.provider, rates.model, stretches.starts_at, rates.mode
            order by
                coalesce(rates.source = 'operator', false) desc,
                rates.valid_from desc,
                rates.last_verified_at desc nulls last,
                rates.id desc
        ) as place

    from rates

    inner join stretches
        on
            rates.provider = stretches.provider
            and rates.model = stretches.model
            and rates.valid_from <= stretches.starts_at
            and (
                rates.valid_to > stretches.starts_at
                or rates.valid_to is null
            )

),

folded as (

    select
        provider,
        model,
        starts_at,
        ends_at,
        arg_min(input_rate, mode = 'thinking') as input_rate,
        arg_min(output_rate, mode = 'thinking') as output_rate,
        arg_max(thinking_rate, mode = 'thinking') as thinking_rate,
        arg_min(cache_read_rate, mode = 'thinking') as cache_read_rate,
        arg_min(cache_write_rate, mode = 'thinking') as cache_write_rate,
        arg_min(source, mode = 'thinking') as source,
        arg_min(last_verified_at, mode = 'thinking') as last_verified_at

    from ranked

    where place = 1

    group by provider, model, starts_at, ends_at

)

select
    row_number() over (order by provider, model, starts_at) as rate_id,
    cast(null as uuid) as workspace_id,
    provider,
    model,
    0 as prompt_tokens_above,
    input_rate,
    output_rate,
    thinking_rate,
    cache_read_rate,
    cache_write_rate,
    starts_at as valid_from,
    ends_at as valid_to,
    starts_at as known_from,
    cast(null as timestamptz) as known_to,
    coalesce(source, 'bundled') as source,
    coalesce(last_verified_at, '') as source_version
from folded;


-- The laptop is one workspace, in UTC and in the zone that was asked for, if one was.
create temp view workspaces as
select cast('00000000-0000-4000-8000-000000000001' as uuid) as workspace_id;


-- What a laptop has none of: a ledger, but for the choice of a zone; departments, bills,
-- closed months.
create temp view changes as
select
    cast(1 as bigint) as change_id,
    'revision' as kind,
    'time_zone' as cause,
    workspace_id,
    cast(null as varchar) as provider,
    cast(null as varchar) as model,
    cast(null as varchar) as project,
    cast(null as uuid) as machine_id,
    cast(null as timestamptz) as since,
    cast(null as timestamptz) as until,
    cast(null as integer) as row_count,
    cast(null as timestamptz) as created_at,
    cast(0 as bigint) as cycle_id,
    cast(null as timestamptz) as published_at,
    cast(null as varchar) as daemon_version,
    cast(getvariable('time_zone') as varchar) as time_zone
from workspaces
where getvariable('time_zone') is not null;

create temp table superseded_requests (
    workspace_id uuid,
    request_id uuid,
    known_to_cycle bigint
);

create temp table allocation_rules (
    workspace_id uuid,
    rule_id uuid,
    priority integer,
    match_on varchar,
    match_value varchar,
    department_id uuid,
    valid_from timestamptz,
    valid_to timestamptz,
    created_by uuid,
    created_at timestamptz
);

create temp table project_tags (
    workspace_id uuid,
    project varchar,
    tag varchar,
    valid_from timestamptz,
    valid_to timestamptz
);

create temp table machine_owners (
    workspace_id uuid,
    machine_id uuid,
    user_id uuid,
    valid_from timestamptz,
    valid_to timestamptz
);

create temp table billing_documents (
    workspace_id uuid,
    document_id uuid,
    provider varchar,
    account varchar,
    kind varchar,
    period_month date,
    invoice_id varchar,
    currency varchar,
    entered_by uuid,
    entered_at timestamptz,
    superseded_at timestamptz,
    change_id bigint,
    superseded_by_change bigint
);

create temp table billing_lines (
    workspace_id uuid,
    document_id uuid,
    line_number integer,
    amount_pico decimal(38, 0),
    rounding_pico decimal(38, 0),
    description varchar
);

create temp table adjustments (
    workspace_id uuid,
    provider varchar,
    period_month date,
    posted_month date,
    posted_at timestamptz,
    cycle_id bigint,
    is_reversal boolean,
    request_count bigint,
    unpriced_count bigint,
    cost_pico decimal(38, 0)
);

create temp table closes (
    workspace_id uuid,
    close_id uuid,
    provider varchar,
    period_month date,
    closed_at timestamptz,
    request_count bigint,
    unpriced_count bigint,
    cost_pico decimal(38, 0),
    closed_by_change bigint,
    reopened_by_change bigint
);
