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
    The rows of a mart as an earlier release left them, in the periods of the slice, for the units that the candidate does not touch. The models that read them are what the
    mart is made from, so this is no reference. Of a part they are looked up one by one (`offset 0` says so to the planner, which
    would rather read a nation's period than a few hundred units): all of them are wanted.
#}
{% macro kept(mart, part=none) -%}
    {{ 'lateral ' if part }}(
        select * from marts.{{ mart }} as k
        where
            k.release_to = {{ still() }} and {{ slice('period', 'k.period_id') }}
            {%- if part %} and k.period_id = {{ part }}.period_id and k.unit_id = {{ part }}.unit_id offset 0{% endif %}
    )
{%- endmacro %}


{#
    The part of a model that this candidate rebuilds; the same part is closed and opened in its table.

    catalogue           everything when the catalogue changed, otherwise nothing: its models are passed over
    touched             the unit and period pairs of build.touched (frozen when the candidate was opened)
    touched_or_unknown  those, and rows without a unit or a period
    period              the periods of build.touched, with every unit
    year                the years of these periods, with every period and unit: a period's number begins with its year

    Periods are written as literals, so that the planner passes over the other partitions.
#}
{% macro slice(kind, period='t.period_id', unit='t.unit_id') -%}
    {%- if not execute -%}
        true
    {%- else -%}
        {%- set scope = candidate_scope() -%}
        {%- if scope.everything or kind == 'catalogue' -%}
            {{ 'true' if scope.everything else 'false' }}
        {%- elif kind == 'year' -%}
            (
                {%- for year in scope.years %}{{ period }} between {{ year }}00000 and {{ year }}99999 or {% endfor -%}
                false
            )
        {%- else -%}
            {%- set those -%}
                {{ period }} in ({{ scope.periods | join(', ') or 'null' }})
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


{#
    What the open candidate rebuilds. It was frozen when the candidate was opened and every model and test wants it, so a run of
    dbt asks once and keeps the answer in its graph.
#}
{% macro candidate_scope() %}
    {%- if 'scope' not in graph -%}
        {%- set open = run_query(
            'select s.everything, c.release_id from build.scope as s cross join build.candidate as c'
        ).rows -%}
        {%- if not open and flags.WHICH not in ('compile', 'generate') -%}
            {{ exceptions.raise_compiler_error('no candidate is open: `tonghop release` opens one') }}
        {%- endif -%}
        {%- set periods = run_query('select distinct period_id from build.touched order by period_id').columns[0].values() -%}
        {#- `compile` and `docs generate` show SQL and run none of it -#}
        {%- do graph.update({'scope': {
            'release_id': open[0][1] | int if open else 0,
            'everything': open[0][0] if open else true,
            'periods': periods | map('int') | list,
            'years': periods | map('string') | map('truncate', 4, true, '', 0) | unique | list,
        }}) -%}
    {%- endif -%}
    {{ return(graph.scope) }}
{% endmacro %}
