-- grain: tree x period x published unit x form table x whether it stands there undivided. What the unit itself and those right
-- below it that are not published reported of a table, and what of it is in the parts of rates; how many of them owe it and how
-- many reported; a row also where a report is owed and none has come. Claims stay out.
with observation as (
    select * from {{ ref('int_observation') }}
),

rate_part as (
    select * from {{ ref('int_rate_part') }}
),

reporting as (
    select * from {{ ref('int_reporting') }}
),

tree as (
    select * from {{ ref('int_sheet_tree') }}
),

indicator as (
    select * from {{ ref('int_indicator') }}
),

metric as (
    select * from {{ ref('stg_metric') }}
),

summed as (
    select
        t.tree,
        t.period_id,
        t.shown_at_id,
        t.is_undivided,
        o.row_id,
        o.indicator_id,
        {{ landed_sum('o.value', 't') }} as value
    from tree as t
    inner join observation as o on o.period_id = t.period_id and o.unit_id = t.unit_id
    where o.scope = 'own' and o.value is not null and {{ slice('period', 'o.period_id') }}
    group by t.tree, t.period_id, t.shown_at_id, t.is_undivided, o.row_id, o.indicator_id
),

summed_part as (
    select
        t.tree,
        t.period_id,
        t.shown_at_id,
        t.is_undivided,
        r.row_id,
        r.rate_code,
        r.part,
        r.over_time,
        {{ landed_sum('r.value', 't') }} as value
    from tree as t
    inner join rate_part as r on r.period_id = t.period_id and r.unit_id = t.unit_id
    where r.scope = 'own'
    group by t.tree, t.period_id, t.shown_at_id, t.is_undivided, r.row_id, r.rate_code, r.part, r.over_time
),

keyed as (
    select
        s.tree,
        s.period_id,
        s.shown_at_id,
        s.is_undivided,
        i.table_code,
        i.shown_from,
        s.row_id || '.' || s.indicator_id as key,
        s.value
    from summed as s
    inner join indicator as i on i.indicator_id = s.indicator_id
    union all
    select
        s.tree,
        s.period_id,
        s.shown_at_id,
        s.is_undivided,
        m.table_code,
        m.shown_from,
        {{ part_key('s') }} as key,
        s.value
    from summed_part as s
    inner join metric as m on m.code = s.rate_code
),

figures as (
    select
        tree,
        period_id,
        shown_at_id,
        is_undivided,
        table_code,
        jsonb_object_agg(key, value) filter (where shown_from is null) as figures,
        jsonb_object_agg(key, value) filter (where shown_from is not null) as withheld
    from keyed
    group by tree, period_id, shown_at_id, is_undivided, table_code
),

-- what is divided counts at each unit with its share, so that counts add up as figures do
coverage as (
    select
        t.tree,
        t.period_id,
        t.shown_at_id,
        t.is_undivided,
        r.table_code,
        max(r.due_on) as last_due_on,
        {{ share_of_coverage('r', 't') }},
        coalesce(sum(t.weight) filter (where {{ owes_figures('r') }} and r.is_on_time), 0) as units_on_time,
        coalesce(sum(t.weight) filter (where {{ owes_figures('r') }} and r.is_nil), 0) as units_nil
    from tree as t
    inner join reporting as r on r.period_id = t.period_id and r.unit_id = t.unit_id and r.scope = 'own'
    group by t.tree, t.period_id, t.shown_at_id, t.is_undivided, r.table_code
),

final as (
    select
        coalesce(f.tree, c.tree) as tree,
        coalesce(f.period_id, c.period_id) as period_id,
        coalesce(f.shown_at_id, c.shown_at_id) as unit_id,
        coalesce(f.table_code, c.table_code) as table_code,
        coalesce(f.is_undivided, c.is_undivided) as is_undivided,
        c.last_due_on,
        coalesce(c.units_due, 0) as units_due,
        coalesce(c.units_reported, 0) as units_reported,
        coalesce(c.units_unowed, 0) as units_unowed,
        coalesce(c.units_on_time, 0) as units_on_time,
        coalesce(c.units_nil, 0) as units_nil,
        coalesce(f.figures, '{}') as figures,
        coalesce(f.withheld, '{}') as withheld
    from figures as f
    full outer join coverage as c
        on
            c.tree = f.tree and c.period_id = f.period_id and c.shown_at_id = f.shown_at_id and c.table_code = f.table_code
            and c.is_undivided = f.is_undivided
)

select * from final
