{#
    One friendly view per form table: a row per published unit, period and form row, a column per unrestricted
    indicator, in the order of the form. Run by the owner when the catalogue changed, never per release: what is rebuilt
    loses its grants.

    A column keeps its place for ever and new ones are appended, so that `create or replace view` always works and a
    saved query or workbook keeps its meaning; an indicator that is withheld later shows nulls, because it is read
    through bi.fct_rollup.
#}
{% macro make_wide_views() %}
    {%- set tables = run_query("
        select lower(t.table_code), t.table_code, max(t.name_vi)
        from catalogue.form_table as t
        where t.catalogue_id = (select max(catalogue_id) from catalogue.version)
        group by t.table_code order by t.table_code") -%}
    {%- for view, table_code, label in tables.rows -%}
        {%- set columns = run_query(wide_view_columns(view, table_code)).rows -%}
        {%- if columns -%}
            {% do run_query(wide_view(view, table_code, label, columns)) %}
        {%- endif -%}
    {%- endfor -%}
    {% do run_query('commit') %}
{% endmacro %}


{% macro wide_view_columns(view, table_code) %}
    select i.indicator_id, i.field_code, coalesce(newest.label_vi, i.field_code) as label_vi
    from catalogue.indicator as i
    left join information_schema.columns as c
        on c.table_schema = 'bi' and c.table_name = '{{ view }}' and c.column_name = i.field_code
    left join lateral (
        select f.label_vi, f.ordinal, bool_or(f.restricted) over () as restricted from catalogue.field as f
        where f.indicator_id = i.indicator_id and f.catalogue_id = (select max(catalogue_id) from catalogue.version)
        order by f.form_version desc limit 1
    ) as newest on true
    where i.table_code = '{{ table_code }}' and (c.column_name is not null or not newest.restricted)
    order by c.ordinal_position nulls last, newest.ordinal, i.indicator_id
{% endmacro %}


{% macro wide_view(view, table_code, label, columns) %}
    create or replace view bi.{{ view }} as
    with facts as (
        select
            r.unit_id, r.period_id, r.row_id,
            case when bool_or(r.value is not null) then 'summed' else 'claimed' end as basis,
            max(r.units_reported) as units_reported,
            max(r.units_due) as units_due
            {%- for indicator_id, field_code, _ in columns %},
            max(r.value) filter (where r.indicator_id = {{ indicator_id }}) as s{{ indicator_id }},
            max(r.claimed) filter (where r.indicator_id = {{ indicator_id }}) as c{{ indicator_id }}
            {%- endfor %}
        from bi.fct_rollup as r
        where r.indicator_id in ({{ columns | map(attribute=0) | map('int') | join(', ') }})
        group by r.unit_id, r.period_id, r.row_id
    )
    select
        u.code as unit_code, u.name as unit_name, u.level as unit_level, p.code as period_code, p.scheme as period_scheme,
        w.row_code, f.basis, f.units_reported, f.units_due
        {%- for indicator_id, field_code, _ in columns %},
        case f.basis when 'summed' then f.s{{ indicator_id }} else f.c{{ indicator_id }} end as {{ adapter.quote(field_code) }}
        {%- endfor %}
    from facts as f
    join bi.dim_period as p on p.period_id = f.period_id
    join bi.dim_org_unit as u on u.unit_id = f.unit_id and p.ends_on between u.valid_from and u.valid_to
    join bi.dim_form_row as w on w.row_id = f.row_id;
    grant select on bi.{{ view }} to tonghop_reader, tonghop_auditor;
    comment on view bi.{{ view }} is '{{ label | replace("'", "''") }}';
    comment on column bi.{{ view }}.basis is 'summed: from the units'' own reports; claimed: what the unit itself said, where nothing below has reported';
    {%- for _, field_code, label_vi in columns %}
    comment on column bi.{{ view }}.{{ adapter.quote(field_code) }} is '{{ label_vi | replace("'", "''") }}';
    {%- endfor %}
{% endmacro %}
