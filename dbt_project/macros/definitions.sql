{#
    What is counted and added up, defined once for both who do it: the models, on the tree of the period's end and on today's, and
    the warehouse's views (tonghop/warehouse/views, which load this file too), on the tree of any day. Each has its own joins: the
    models open their one tree once per period, the views look it up when asked. So nothing here is dbt's alone.

    report    a row of int_reporting or fct_reporting: what a unit owes, and what came
    tree      a row that puts a unit's figures on a unit of a tree: weight is the share that lands on it or below, undivided the
              share that lands on it and can be divided no further; is_whole, is_same tell whether anything was divided or moved
#}

{# grain: unit x period x table #}
{% macro completeness(report) -%}
    max({{ report }}.due_on) as last_due_on,
    count(*)::integer as due,
    (count(*) filter (where {{ report }}.is_received))::integer as received,
    (count(*) filter (where {{ report }}.is_on_time))::integer as on_time,
    (count(*) filter (where not {{ report }}.is_on_time))::integer as late,
    (count(*) filter (where not {{ report }}.is_received))::integer as missing,
    (count(*) filter (where {{ report }}.is_nil))::integer as nil
{%- endmacro %}


{# grain: unit of a tree x life. share is that of the landing, ancestor a row of the tree from the landing upwards #}
{% macro landed(landing, share, ancestor) -%}
    sum({{ landing }}.{{ share }}) as weight,
    coalesce(sum({{ landing }}.{{ share }}) filter (where not {{ landing }}.is_whole and {{ ancestor }}.depth = 0), 0) as undivided,
    bool_and({{ landing }}.is_whole) as is_whole,
    bool_and({{ landing }}.reason = 'same') as is_same
{%- endmacro %}


{# whether a unit's figures were moved, in one piece or by known shares #}
{% macro is_restated(tree) -%}
    {{ tree }}.is_whole and not {{ tree }}.is_same
{%- endmacro %}


{# grain: unit of a tree x period x row x indicator. A sum of nothing is null, not zero #}
{% macro restated_sum(value, tree) -%}
    trim_scale(sum({{ value }} * {{ tree }}.weight)) as value,
    trim_scale(sum({{ value }} * {{ tree }}.undivided)) as not_restatable
{%- endmacro %}


{# grain: unit of a tree x period x table #}
{% macro restated_coverage(report, tree) -%}
    count(*) as units_due,
    count(*) filter (where {{ report }}.is_received) as units_reported,
    count(*) filter (where {{ report }}.is_received and {{ is_restated(tree) }}) as units_restated,
    count(*) filter (where {{ report }}.is_received and not {{ tree }}.is_whole) as units_not_restatable
{%- endmacro %}


{# grain: unit x period x row x rate, of the terms that the unit gave a value for #}
{% macro rate_parts(term, value) -%}
    sum({{ term }}.coefficient * {{ value }}) filter (where {{ term }}.part = 'numerator') as numerator,
    sum({{ term }}.coefficient * {{ value }}) filter (where {{ term }}.part = 'denominator') as denominator
{%- endmacro %}


{# a unit that left a term of the rate blank is in neither part of it; parts.terms is how many terms the rate has #}
{% macro has_every_term(parts) -%}
    count(*) = max({{ parts }}.terms)
{%- endmacro %}


{% macro rate(numerator, denominator) -%}
    trim_scale({{ numerator }} / nullif({{ denominator }}, 0))
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
    trim_scale(sum({{ figure }}.value) filter (where {{ figure }}.is_added)) as value,
    trim_scale(sum({{ figure }}.not_restatable) filter (where {{ figure }}.is_added)) as not_restatable
{%- endmacro %}
