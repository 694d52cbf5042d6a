{#
    The rows that a data test looks at; dbt calls this macro for every test. `where: slice` means the open rows of the part
    that this candidate rebuilds, so that a test costs what changed and not what was ever reported.
#}
{% macro get_where_subquery(relation) -%}
    {%- if config.get('where') == 'slice' and execute -%}
        (
            select * from {{ relation }} as t
            where t.release_to = {{ still() }} and {{ slice(graph.nodes[model.attached_node].config.meta.slice) | trim }}
        ) as sliced
    {%- else -%}
        {{ return(dbt.default__get_where_subquery(relation)) }}
    {%- endif -%}
{%- endmacro %}
