{# A finding is what all of its requests have in common, whichever day they are of: what
   somebody puts aside today has to be the same finding tomorrow. #}

{% macro finding_id(reason, sibling) -%}
    md5(
        {{ reason }} || '/' || billing_basis || '/' || provider || '/' || model
        || '/' || coalesce({{ sibling }}, '') || '/' || coalesce(project, '')
    )
{%- endmacro %}
