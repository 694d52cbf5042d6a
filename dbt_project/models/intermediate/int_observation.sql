{%- set sliced = slice('touched') | trim != 'true' -%}
-- grain: unit x period x row x indicator x scope: the figures that count in this candidate, of the units and periods that its
-- slice is made of. A table, because without its statistics the planner takes the figures for a few, and loops.
with cell as (
    select * from {{ ref('stg_cell') }}
),

submission as (
    select * from {{ ref('int_submission') }}
),

part as (
    select * from {{ ref('int_part') }}
),

restated_tree as (
    select * from {{ ref('int_restated_tree') }}
),

period_link as (
    select * from {{ ref('int_period_link') }}
),

touched as (
    select * from {{ ref('stg_touched') }}
),

needed as ( -- noqa: ST03, where everything is built
    select
        period_id,
        unit_id
    from touched
    union
    -- what a rule looks up in another period
    select
        k.other_id as period_id,
        t.unit_id
    from touched as t
    inner join period_link as k on k.period_id = t.period_id
    where {{ slice('period', 'k.period_id') }}
    union
    select
        period_id,
        unit_id
    from part
    where tree = 'reported' and is_own
    union
    select
        period_id,
        unit_id
    from restated_tree
    where own_weight > 0
),

-- a step by itself: few cells are then looked up, and the submission of each, in whatever order the planner likes best
sliced as {{ 'materialized' if sliced }} (
    select c.*
    from cell as c
    {% if sliced %}inner join needed as n on n.period_id = c.period_id and n.unit_id = c.unit_id{% endif %}
),

final as (
    select
        c.unit_id,
        c.period_id,
        c.row_id,
        c.indicator_id,
        c.scope,
        c.submission_id,
        s.form_version,
        c.state,
        c.value,
        c.sheet,
        c.cell
    from sliced as c
    inner join submission as s on s.submission_id = c.submission_id
    where s.status = 'accepted'
)

select * from final
