{# What must hold of every row. #}
{% test holds(model, condition) %}
    select * from {{ model }} where ({{ condition }}) is not true
{% endtest %}
