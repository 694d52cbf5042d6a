{#
    Marts keep every release: a row holds in the releases release_from <= N < release_to. A candidate closes what
    changed and opens what is new under its own number, so readers, who follow one pointer, see nothing of it.
#}

{# The release_to of a row that still holds; the planner matches partial indexes against the number itself. #}
{% macro still() -%}2147483647{%- endmacro %}


{% macro release_columns() -%}
    (select release_id from build.candidate) as release_from,
    {{ still() }}::integer as release_to
{%- endmacro %}


{#
    The part of a model that this candidate rebuilds; the same part is closed and opened in its table.

    catalogue           everything when the catalogue changed, otherwise nothing
    touched             the unit and period pairs of build.touched (frozen when the candidate was opened)
    touched_or_unknown  those, and rows without a unit or a period
    period              the periods of build.touched, with every unit

    Periods are written as literals, so that the planner passes over the other partitions.
#}
{% macro slice(kind, period='t.period_id', unit='t.unit_id') -%}
    {%- if not execute -%}
        true
    {%- else -%}
        {%- set scope = run_query('select everything from build.scope') -%}
        {%- if scope.rows -%}
            {%- set everything = scope.rows[0][0] -%}
        {%- elif flags.WHICH in ('compile', 'generate') -%}
            {#- these show SQL and run none of it -#}
            {%- set everything = true -%}
        {%- else -%}
            {{ exceptions.raise_compiler_error('no candidate is open: `tonghop release` opens one') }}
        {%- endif -%}
        {%- if everything or kind == 'catalogue' -%}
            {{ 'true' if everything else 'false' }}
        {%- else -%}
            {%- set periods = run_query('select distinct period_id from build.touched order by period_id').columns[0].values() -%}
            {%- set those -%}
                {{ period }} in ({{ periods | map('int') | join(', ') or 'null' }})
                {%- if kind != 'period' %} and ({{ period }}, {{ unit }}) in (select period_id, unit_id from build.touched){% endif -%}
            {%- endset -%}
            {%- if kind == 'touched_or_unknown' -%}
                ({{ those }} or {{ period }} is null or {{ unit }} is null)
            {%- else -%}
                {{ those }}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{# Undoing its own work first is what makes a rerun, after a kill at any point, give what an undisturbed run gives. #}
{% macro get_incremental_release_sql(arg_dict) %}
    {%- set t = arg_dict.target_relation -%}
    {%- set s = arg_dict.temp_relation -%}
    {%- set key = arg_dict.unique_key -%}
    {%- set cols = arg_dict.dest_columns | map(attribute='name') | list -%}
    {%- set rest = cols | reject('in', key + ['release_from', 'release_to']) | list -%}
    {%- set sliced = slice(config.require('meta').slice) | trim -%}
    {%- set candidate = '(select release_id from build.candidate)' -%}
    -- two rows for one key would otherwise hide behind the one that is open already; and the joins below want an index
    create unique index on {{ s }} ({{ key | join(', ') }});
    -- without statistics on the new rows they become nested loops
    analyze {{ s }};
    {%- if sliced == 'true' %}
    -- a table that was empty a moment ago looks small: a loop over it would read again what it is itself writing
    set local enable_nestloop = off;
    {%- endif %}
    delete from {{ t }} as t where t.release_from = {{ candidate }} and {{ sliced }};
    update {{ t }} as t set release_to = {{ still() }} where t.release_to = {{ candidate }} and {{ sliced }};
    -- close what changed or vanished
    update {{ t }} as t set release_to = {{ candidate }}
    where t.release_to = {{ still() }} and {{ sliced }}
        and not exists (
            select from {{ s }} as s
            where {% for k in key %}s.{{ k }} = t.{{ k }} and {% endfor -%}
                (s.{{ rest | join(', s.') }}) is not distinct from (t.{{ rest | join(', t.') }})
        );
    -- open what is new
    insert into {{ t }} ({{ cols | join(', ') }})
    select s.{{ cols | join(', s.') }} from {{ s }} as s
    where not exists (
        select from {{ t }} as t
        where t.release_to = {{ still() }} and {{ sliced }}{% for k in key %} and t.{{ k }} = s.{{ k }}{% endfor %}
    );
{% endmacro %}


{# dbt would make a missing table itself, without history, partitions and row policies: better to stop. #}
{% macro require_release_table(relation) %}
    {%- if execute -%}
        {%- set owners = run_query(
            "select tableowner = current_user from pg_tables where schemaname = '" ~ relation.schema
            ~ "' and tablename = '" ~ relation.identifier ~ "'") -%}
        {%- if not owners.rows -%}
            {{ exceptions.raise_compiler_error(relation ~ ' is missing: a migration makes the tables of the marts') }}
        {%- elif owners.rows[0][0] -%}
            {{ exceptions.raise_compiler_error(relation ~ ' belongs to the role that dbt runs as: run as tonghop_builder') }}
        {%- endif -%}
    {%- endif -%}
    select 1
{% endmacro %}
