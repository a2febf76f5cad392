{# A key of several columns, or of expressions: the rows of which there are more. #}

{% test one_row_per(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
