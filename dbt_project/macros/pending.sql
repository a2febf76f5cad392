{# A mart's rows of this cycle, prepared and not yet published; in a full refresh,
   all of its rows. Models that follow from a mart in the same cycle read these. #}

{% macro pending(mart) -%}
    {{ api.Relation.create(database=mart.database, schema='pending', identifier=mart.identifier) }}
{%- endmacro %}


{# A cycle touches what the ledger names; a full refresh touches everything. The
   laptop's SQL is compiled as a full refresh. #}

{% macro only_this_cycle() -%}
    {{ return(not flags.FULL_REFRESH) }}
{%- endmacro %}


{# Whether a request means what it was published as. Compared by every column that
   stands, so that a new one is never forgotten. #}

{% macro is_as_published(ours) -%}
    {%- if execute -%}
    {%- for column in adapter.get_columns_in_relation(source('standing', 'fct_priced_requests'))
            if column.name != 'known_from_cycle' -%}
    {{ 'and ' if not loop.first }}{{ ours }}.{{ column.name }} is not distinct from published.{{ column.name }}
    {% endfor -%}
    {%- endif -%}
{%- endmacro %}


{# Every column that a request is compared by, of one of its readings. #}

{% macro columns_of(ours) -%}
    {%- if execute -%}
    {%- for column in adapter.get_columns_in_relation(source('standing', 'fct_priced_requests'))
            if column.name != 'known_from_cycle' -%}
    {{ ours }}.{{ column.name }}{{ ', ' if not loop.last }}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
