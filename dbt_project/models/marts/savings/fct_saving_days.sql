-- One row per workspace, UTC day and finding: what could have been saved, summed up.
-- Rows are entries of a ledger: what is judged anew books out what it had been.

{{
    config(
        published_by='adding',
        key=[
            'workspace_id', 'usage_date', 'finding_id', 'reason', 'billing_basis',
            'provider', 'model', 'project',
        ],
        published_indexes=[
            {
                'unique': true,
                'columns': [
                    'workspace_id', 'usage_date', 'finding_id', 'reason',
                    'billing_basis', 'provider', 'model', 'project',
                ],
            },
        ],
        fillfactor=70,
    )
}}

{% set savings = ref('fct_savings') %}
{% set judged = ref('int_requests_judged') %}

with

entries as (

    select
        *,
        1 as sign
    from {{ pending(savings) }}

    {% if only_this_cycle() %}
    union all

    select
        standing.*,
        -1 as sign

    from {{ source('standing', 'fct_savings') }} as standing

    inner join {{ judged }} as judged
        on
            standing.workspace_id = judged.workspace_id
            and standing.request_id = judged.request_id
    {% endif %}

),

summed as (

    select
        workspace_id,
        usage_date,
        finding_id,
        reason,
        billing_basis,
        provider,
        model,
        project,
        cast(sum(sign) as bigint) as request_count,
        cast(sum(sign * total_tokens) as bigint) as total_tokens,
        cast(sum(sign * cost_pico) as numeric(38, 0)) as cost_pico,
        cast(sum(sign * saving_pico) as numeric(38, 0)) as saving_pico

    from entries

    group by
        workspace_id,
        usage_date,
        finding_id,
        reason,
        billing_basis,
        provider,
        model,
        project

)

select * from summed
