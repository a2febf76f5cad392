-- One row per line of a billing document that stands, as far as cycles have been told:
-- by the changes that entered it and superseded it.

with

documents as (

    select * from {{ source('billing', 'billing_documents') }}

),

lines as (

    select * from {{ source('billing', 'billing_lines') }}

),

revisions as (

    select change_id
    from {{ source('ledger', 'changes') }}
    where
        kind = 'revision'
        and cause = 'billing'
        and (cycle_id is not null or published_at is not null)

),

standing as (

    select
        documents.workspace_id,
        documents.document_id,
        lines.line_number,
        {{ canonical_provider('documents.provider') }} as provider,
        documents.account,
        documents.period_month,
        lines.amount_pico,
        lines.rounding_pico

    from documents

    inner join lines
        on
            documents.workspace_id = lines.workspace_id
            and documents.document_id = lines.document_id

    left join revisions as entered
        on documents.change_id = entered.change_id

    left join revisions as superseded
        on documents.superseded_by_change = superseded.change_id

    where
        (documents.change_id is null or entered.change_id is not null)
        and superseded.change_id is null
        and (
            documents.superseded_at is null
            or documents.superseded_by_change is not null
        )

)

select * from standing
