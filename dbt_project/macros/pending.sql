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
