{# of a row of dim_place: the unit, and code and name at each level #}
{% macro place_columns(place, levels) -%}
    {{ place }}.unit_key, {{ place }}.code as unit_code, {{ place }}.name as unit_name, {{ place }}.level as unit_level
    {%- for level in levels %},
    {{ level_columns(place, level) }}
    {%- endfor %}
{%- endmacro %}

{% macro level_columns(place, level) -%}
    {{ place }}.above -> '{{ level }}' ->> 'code' as {{ level }}_code, {{ place }}.above -> '{{ level }}' ->> 'name' as {{ level }}_name
{%- endmacro %}

{# of a row of dim_period: days as timestamps without zone, since date_trunc of a date gives a moment of the session's zone #}
{% macro period_columns(period) -%}
    {{ period }}.code as period_code, {{ period }}.year, {{ period }}.starts_on::timestamp as period_start,
    {{ period }}.ends_on::timestamp as period_end
{%- endmacro %}
