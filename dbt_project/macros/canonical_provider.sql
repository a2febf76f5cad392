{# Rate catalogues and bills say `google`, daemons say `gemini`: the one place where
   names of the same provider become one. #}

{% macro canonical_provider(column) -%}
    case {{ column }}
        when 'google' then 'gemini'
        when 'x-ai' then 'xai'
        else {{ column }}
    end
{%- endmacro %}
