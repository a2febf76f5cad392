{# A full refresh lays a mart down in the order in which it is read, so that a
   workspace's period is a run of neighbouring pages. A cycle's few rows and the
   laptop's views need no order. #}

{% macro in_reading_order() -%}
    {%- if flags.FULL_REFRESH and flags.WHICH in ['run', 'build'] -%}
    order by workspace_id, requested_at
    {%- endif -%}
{%- endmacro %}
