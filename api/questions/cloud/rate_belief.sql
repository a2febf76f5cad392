-- Prices by their ids, believed still or not any more.

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

where rate_id = any(%(rate_ids)s)

order by rate_id
