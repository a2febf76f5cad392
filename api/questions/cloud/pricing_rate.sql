-- Prices as known at a moment, a workspace's own before the catalogue's.
-- valid_at null shows every dated price; a filter that is null lets everything through.

select
    rate_id,
    workspace_id is not null as is_own,
    provider,
    model,
    prompt_tokens_above,
    input_rate,
    output_rate,
    thinking_rate,
    cache_read_rate,
    cache_write_rate,
    valid_from,
    valid_to,
    known_from,
    known_to,
    source,
    source_version

from dim_rates

where
    known_from <= %(known_at)s
    and (known_to > %(known_at)s or known_to is null)
    and (
        cast(%(valid_at)s as timestamptz) is null
        or (
            valid_from <= cast(%(valid_at)s as timestamptz)
            and (
                valid_to > cast(%(valid_at)s as timestamptz)
                or valid_to is null
            )
        )
    )
    and (
        cast(%(provider)s as varchar) is null
        or provider = cast(%(provider)s as varchar)
    )
    and (
        cast(%(model)s as varchar) is null
        or model = cast(%(model)s as varchar)
    )

order by
    provider asc,
    model asc,
    is_own desc,
    prompt_tokens_above asc,
    valid_from asc
