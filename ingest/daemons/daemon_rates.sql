-- One row: the rates in force for a workspace, as the document that daemons read.
-- USD per million tokens, exact. A workspace's own rate wins over the catalogue's;
-- long-context tiers stay out, for daemons know none.

with

rates as (

    select *
    from raw.pricing_rates
    where provider in ('anthropic', 'google', 'groq', 'openai', 'xai')

),

rates_in_force as (

    select distinct on (provider, model) *
    from rates
    where
        prompt_tokens_above = 0
        and known_to is null
        and valid_from <= now()
        and (valid_to > now() or valid_to is null)
    order by provider asc, model asc, workspace_id asc nulls last

),

providers_listed as (

    select
        providers.provider,
        coalesce(
            json_agg(
                json_build_object(
                    'model', rates_in_force.model,
                    'input',
                    trim_scale(cast(rates_in_force.input_rate as numeric) / 1000000),
                    'output',
                    trim_scale(cast(rates_in_force.output_rate as numeric) / 1000000),
                    'thinking',
                    trim_scale(
                        cast(rates_in_force.thinking_rate as numeric) / 1000000
                    ),
                    'cache_read',
                    trim_scale(
                        cast(rates_in_force.cache_read_rate as numeric) / 1000000
                    ),
                    'cache_write',
                    trim_scale(
                        cast(rates_in_force.cache_write_rate as numeric) / 1000000
                    )
                )
                order by rates_in_force.model
            ) filter (where rates_in_force.model is not null),
            '[]'
        ) as models

    from (
        values ('anthropic'), ('google'), ('groq'), ('openai'), ('xai')
    ) as providers (provider)

    left join rates_in_force
        on providers.provider = rates_in_force.provider

    group by providers.provider

),

-- Rows are only ever added and closed, so this grows with every change of the
-- answer: a belief gained or given up, a price that starts or ends.
versions as (

    select
        max(known_from) as changed_at,
        count(*)
        + count(known_to)
        + count(*) filter (where valid_from <= now())
        + count(*) filter (where valid_to <= now()) as rates_version

    from rates

)

select
    cast(json_build_object(
        'schema_version', 1,
        'bundled_rates_date',
        to_char(versions.changed_at at time zone 'UTC', 'YYYY-MM-DD'),
        'rates_version', versions.rates_version,
        'currency', 'USD',
        'providers',
        (
            select
                json_object_agg(
                    providers_listed.provider, providers_listed.models
                    order by providers_listed.provider
                )
            from providers_listed
        )
    ) as text) as document

from versions

where versions.rates_version > 0
