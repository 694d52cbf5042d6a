{#
    What is counted and added up, defined once for both who do it: the models, on the tree of the period's end and on today's, and
    the warehouse's views (tonghop/warehouse/views, which load this file too), on the tree of any day. Each has its own joins: the
    models open their one tree once per period, the views look it up when asked. So nothing here is dbt's alone.

    report    a row of int_reporting or fct_reporting: a report that a unit owes, or that came and nobody owes
    tree      a row that puts a unit's figures on a unit of a tree: weight is the share that lands on it or below, undivided the
              share that lands on it and can be divided no further; is_whole, is_same tell whether anything was divided or moved
#}

{#
    Coverage counts units whose figures are in a sum: those that owe figures and, apart, those whose figures came and are owed by
    nobody. A claim is in no sum, so it covers nothing, whether it is owed or came.
#}
{% macro owes_figures(report) -%}
    {{ report }}.is_owed and {{ report }}.scope = 'own'
{%- endmacro %}

{% macro is_unowed(report) -%}
    not {{ report }}.is_owed and {{ report }}.scope = 'own'
{%- endmacro %}


{# grain: unit x period x table #}
{% macro coverage(report) -%}
    (count(*) filter (where {{ owes_figures(report) }}))::integer as units_due,
    (count(*) filter (where {{ owes_figures(report) }} and {{ report }}.is_received))::integer as units_reported,
    (count(*) filter (where {{ is_unowed(report) }}))::integer as units_unowed
{%- endmacro %}


{# grain: published unit x period x table, of the reports in its direct share; of what is divided with its part, as of figures #}
{% macro share_of_coverage(report, tree) -%}
    coalesce(sum({{ tree }}.weight) filter (where {{ owes_figures(report) }}), 0) as units_due,
    coalesce(sum({{ tree }}.weight) filter (where {{ owes_figures(report) }} and {{ report }}.is_received), 0) as units_reported,
    coalesce(sum({{ tree }}.weight) filter (where {{ is_unowed(report) }}), 0) as units_unowed
{%- endmacro %}


{# grain: unit x period x table. Counts are of figures; of claims there are two of their own #}
{% macro completeness(report) -%}
    max({{ report }}.due_on) filter (where {{ owes_figures(report) }}) as last_due_on,
    (count(*) filter (where {{ owes_figures(report) }}))::integer as due,
    (count(*) filter (where {{ owes_figures(report) }} and {{ report }}.is_received))::integer as received,
    (count(*) filter (where {{ owes_figures(report) }} and {{ report }}.is_on_time))::integer as on_time,
    (count(*) filter (where {{ owes_figures(report) }} and not {{ report }}.is_on_time))::integer as late,
    (count(*) filter (where {{ owes_figures(report) }} and not {{ report }}.is_received))::integer as missing,
    (count(*) filter (where {{ owes_figures(report) }} and {{ report }}.is_nil))::integer as nil,
    (count(*) filter (where {{ is_unowed(report) }}))::integer as unowed,
    (count(*) filter (where {{ report }}.is_owed and {{ report }}.scope = 'rollup'))::integer as claims_due,
    (count(*) filter (where {{ report }}.is_owed and {{ report }}.scope = 'rollup' and {{ report }}.is_received))::integer
        as claims_received
{%- endmacro %}


{# grain: unit of a tree x life. share is that of the landing, ancestor a row of the tree from the landing upwards #}
{% macro landed(landing, share, ancestor) -%}
    sum({{ landing }}.{{ share }}) as weight,
    coalesce(sum({{ landing }}.{{ share }}) filter (where not {{ landing }}.is_whole and {{ ancestor }}.unit_id = {{ ancestor }}.ancestor_id), 0) as undivided,
    bool_and({{ landing }}.is_whole) as is_whole,
    bool_and({{ landing }}.reason = 'same') as is_same
{%- endmacro %}


{# whether a unit's figures were moved, in one piece or by known shares #}
{% macro is_restated(tree) -%}
    {{ tree }}.is_whole and not {{ tree }}.is_same
{%- endmacro %}


{# of the figures that land there, in whole or in part #}
{% macro landed_sum(value, tree) -%}
    trim_scale(sum({{ value }} * {{ tree }}.weight))
{%- endmacro %}


{# grain: unit of a tree x period x row x indicator. A sum of nothing is null, not zero #}
{% macro restated_sum(value, tree) -%}
    {{ landed_sum(value, tree) }} as value,
    trim_scale(sum({{ value }} * {{ tree }}.undivided)) as not_restatable
{%- endmacro %}


{# grain: unit of a tree x period x table #}
{% macro restated_coverage(report, tree) -%}
    {{ coverage(report) }},
    (count(*) filter (where {{ owes_figures(report) }} and {{ report }}.is_received and {{ is_restated(tree) }}))::integer
        as units_restated,
    (count(*) filter (where {{ owes_figures(report) }} and {{ report }}.is_received and not {{ tree }}.is_whole))::integer
        as units_not_restatable
{%- endmacro %}


{# grain: unit x period x row x rate, of the terms that the unit gave a value for #}
{% macro rate_parts(term, value) -%}
    sum({{ term }}.coefficient * {{ value }}) filter (where {{ term }}.part = 'numerator') as numerator,
    sum({{ term }}.coefficient * {{ value }}) filter (where {{ term }}.part = 'denominator') as denominator
{%- endmacro %}


{# a unit that left a term of the rate blank is in neither part; parts.terms: how many terms it has, over the window of one #}
{% macro has_every_term(parts, over="") -%}
    count(*) {{ over }} = max({{ parts }}.terms) {{ over }}
{%- endmacro %}


{#
    grain: unit x period x row x scope x rate x part x way in which terms add over time. What the unit gave of a part of a rate; of
    a part with an opening and flows one row each, as several periods take the one of the first and add up the others.
#}
{% macro rate_part(observation, rate_term, condition) -%}
    select
        g.unit_id,
        g.period_id,
        g.row_id,
        g.scope,
        g.rate_code,
        g.part,
        g.over_time,
        sum(g.coefficient * g.value) as value
    from (
        select
            o.unit_id,
            o.period_id,
            o.row_id,
            o.scope,
            o.value,
            t.rate_code,
            t.part,
            t.over_time,
            t.coefficient,
            {{ has_every_term('t', 'over (partition by o.unit_id, o.period_id, o.row_id, o.scope, t.rate_code)') }} as is_complete
        from {{ observation }} as o
        inner join (
            select
                r.*,
                count(*) over (partition by r.rate_code) as terms
            from {{ rate_term }} as r
        ) as t on t.indicator_id = o.indicator_id
        where o.value is not null and {{ condition }}
    ) as g
    where g.is_complete
    group by g.unit_id, g.period_id, g.row_id, g.scope, g.rate_code, g.part, g.over_time
{%- endmacro %}


{# where a part stands in a row of fct_sheet: catalogue.form_column says the same of its column #}
{% macro part_key(part) -%}
    {{ part }}.row_id || '.' || {{ part }}.rate_code || '.' || {{ part }}.part || '.' || {{ part }}.over_time
{%- endmacro %}


{% macro rate(numerator, denominator) -%}
    trim_scale({{ numerator }} / nullif({{ denominator }}, 0))
{%- endmacro %}


{#
    How many changes of a figure's labels that no step bridges lie before a period ends, and one: figures of two sets do not compare.
    step is a row of the crosswalk.
#}
{% macro label_set(crosswalk, figure, period, condition="true") -%}
    1 + (
        select count(distinct step.broken_on)
        from {{ crosswalk }} as step
        where
            step.is_break and {{ figure }}.indicator_id in (step.old_id, step.new_id)
            and step.broken_on <= {{ period }}.ends_on and {{ condition }}
    )::integer
{%- endmacro %}


{# whether several periods make a figure: of what is distinct in each they make none #}
{% macro adds_over_time(aggregation) -%}
    {{ aggregation }} <> 'distinct'
{%- endmacro %}


{# whether a period counts in its year: every period of a flow, the last of a stock, the first of an opening #}
{% macro counts_in_year(figure, aggregation, line) -%}
    case {{ aggregation }}
        when 'flow' then true
        when 'stock' then {{ figure }}.period_id = max({{ figure }}.period_id) over (partition by {{ line }})
        when 'opening' then {{ figure }}.period_id = min({{ figure }}.period_id) over (partition by {{ line }})
    end
{%- endmacro %}


{# grain: unit x year x type of the periods x row x indicator x set of labels. Figures with is_added, as above #}
{% macro year_sum(figure) -%}
    count(*)::integer as periods,
    min({{ figure }}.period_id) as first_period_id,
    max({{ figure }}.period_id) as last_period_id,
    (sum({{ figure }}.units_reported) filter (where {{ figure }}.is_added))::integer as reports_received,
    (sum({{ figure }}.units_due) filter (where {{ figure }}.is_added))::integer as reports_due,
    (sum({{ figure }}.units_unowed) filter (where {{ figure }}.is_added))::integer as reports_unowed,
    trim_scale(sum({{ figure }}.value) filter (where {{ figure }}.is_added)) as value,
    trim_scale(sum({{ figure }}.not_restatable) filter (where {{ figure }}.is_added)) as not_restatable
{%- endmacro %}
