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

-- figures and parts of rates alike, by the key that they have in a sheet
given as (
    select
        o.period_id,
        o.unit_id,
        i.table_code,
        i.shown_from is null as is_shown,
        o.row_id || '.' || o.indicator_id as key,
        o.value
    from observation as o
    inner join indicator as i on i.indicator_id = o.indicator_id
    where o.scope = 'own' and o.value is not null and {{ slice('period', 'o.period_id') }}
    union all
    select
        r.period_id,
        r.unit_id,
        m.table_code,
        m.shown_from is null as is_shown,
        {{ part_key('r') }} as key,
        r.value
    from rate_part as r
    inner join metric as m on m.code = r.rate_code
    where r.scope = 'own'
),

summed as (
    select
        t.tree,
        t.period_id,
        t.shown_at_id,
        t.is_undivided,
        g.table_code,
        g.is_shown,
        g.key,
        {{ landed_sum('g.value', 't') }} as value
    from tree as t
    inner join given as g on g.period_id = t.period_id and g.unit_id = t.unit_id
    group by t.tree, t.period_id, t.shown_at_id, t.is_undivided, g.table_code, g.is_shown, g.key
),

figures as (
    select
        tree,
        period_id,
        shown_at_id,
        is_undivided,
        table_code,
        jsonb_object_agg(key, value) filter (where is_shown) as figures,
        jsonb_object_agg(key, value) filter (where not is_shown) as withheld
    from summed
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
