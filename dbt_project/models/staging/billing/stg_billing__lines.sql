-- One row per line of a billing document that stands.

with

documents as (

    select * from {{ source('billing', 'billing_documents') }}

),

lines as (

    select * from {{ source('billing', 'billing_lines') }}

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

    where documents.superseded_at is null

)

select * from standing
