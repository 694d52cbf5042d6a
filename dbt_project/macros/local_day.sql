{# The day in Viet Nam on which a moment falls: deadlines are days there, whatever the server's time zone. #}
{% macro local_day(moment) -%}
    ({{ moment }} at time zone 'Asia/Ho_Chi_Minh')::date
{%- endmacro %}
