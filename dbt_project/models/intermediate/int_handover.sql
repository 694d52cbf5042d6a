-- grain: rule x instance x form version x rule version x unit x period x row code: a rule over what units that ended reported as
-- given and those that followed them reported as taken, for each set of units that did so among themselves on a day, as soon as
-- one of them has reported any of it. Every unit that took has a row, in the shortest period in which the day falls; while
-- somebody has not reported there is no sum, and the row names them. What a unit says of its whole comes before what it says of
-- itself alone.
with party as (
    select * from {{ ref('stg_party') }}
    where {{ slice('touched', 'period_id', 'unit_id') }}
),

observation as (
    select * from {{ ref('int_observation') }}
    where state <> 'blank' and {{ slice('period', 'period_id') }}
),

check_rule as (
    select * from {{ ref('stg_check_rule') }}
),

check_term as (
    select * from {{ ref('stg_check_term') }}
),

form_row as (
    select * from {{ ref('stg_form_row') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

row_code as (
    select distinct
        row_id,
        row_code
    from form_row
),

moved as (
    select distinct indicator_id from check_term
    where term_at in ('predecessors', 'successors')
),

reported as (
    select distinct on (o.unit_id, o.period_id, o.indicator_id, w.row_code)
        o.unit_id,
        o.period_id,
        o.indicator_id,
        w.row_code,
        coalesce(o.value, 0) as value
    from observation as o
    inner join row_code as w on w.row_id = o.row_id
    inner join moved on moved.indicator_id = o.indicator_id
    order by o.unit_id, o.period_id, o.indicator_id, w.row_code, o.scope = 'rollup' desc
),

asked as (
    select
        p.*,
        w.row_code,
        t.indicator_id,
        t.coefficient
    from party as p
    inner join check_term as t
        on
            t.rule = p.rule and t.instance = p.instance and t.form_version = p.form_version
            and t.rule_version = p.rule_version and t.term_at = p.term_at
    inner join check_rule as r
        on
            r.rule = p.rule and r.instance = p.instance and r.form_version = p.form_version
            and r.rule_version = p.rule_version
    inner join form_row as w on w.table_code = r.table_code and w.form_version = r.form_version
),

-- of the periods in which a unit may say it, the shortest in which it does
given as (
    select distinct on (
        a.rule, a.instance, a.form_version, a.rule_version, a.group_id, a.on_date,
        a.row_code, a.indicator_id, a.term_at, a.unit_id
    )
        a.rule,
        a.instance,
        a.form_version,
        a.rule_version,
        a.group_id,
        a.on_date,
        a.row_code,
        a.indicator_id,
        a.term_at,
        a.unit_id,
        a.coefficient,
        s.value
    from asked as a
    left join reported as s
        on
            s.unit_id = a.unit_id and s.period_id = a.period_id and s.indicator_id = a.indicator_id
            and s.row_code = a.row_code
    order by
        a.rule, a.instance, a.form_version, a.rule_version, a.group_id, a.on_date,
        a.row_code, a.indicator_id, a.term_at, a.unit_id,
        s.value is null, a.days
),

-- units below the published levels are counted, and not named
named as (
    select
        g.*,
        case when l.published then v.name end as name
    from given as g
    inner join unit_version as v
        on
            v.unit_id = g.unit_id
            and case g.term_at when 'predecessors' then g.on_date - 1 else g.on_date end between v.valid_from and v.valid_to
    inner join level as l on l.level = v.level
),

compared as (
    select
        rule,
        instance,
        form_version,
        rule_version,
        group_id,
        on_date,
        row_code,
        case when count(value) = count(*) then sum(coefficient * value) end as left_side,
        string_agg(distinct name, ', ' order by name) filter (where value is null) as awaited,
        nullif(count(distinct unit_id) filter (where value is null and name is null), 0) as awaited_below
    from named
    group by rule, instance, form_version, rule_version, group_id, on_date, row_code
    having count(value) > 0 and count(distinct term_at) = 2
),

worded as (
    select
        *,
        awaited_below || ' đơn vị dưới cấp công bố' as below_vi,
        awaited_below || ' below the published levels' as below_en
    from compared
),

-- the units and periods that get the rows
taker as (
    select distinct on (rule, instance, form_version, rule_version, group_id, on_date, unit_id)
        rule,
        instance,
        form_version,
        rule_version,
        group_id,
        on_date,
        unit_id,
        period_id
    from party
    where term_at = 'successors'
    order by rule, instance, form_version, rule_version, group_id, on_date, unit_id, days
),

final as (
    select
        c.rule,
        c.instance,
        c.form_version,
        c.rule_version,
        t.unit_id,
        t.period_id,
        c.row_code,
        c.left_side,
        'Chưa báo cáo: ' || coalesce(c.awaited || ', ' || c.below_vi, c.awaited, c.below_vi) || '.' as awaited_vi,
        'Not yet reported: ' || coalesce(c.awaited || ', ' || c.below_en, c.awaited, c.below_en) || '.' as awaited_en
    from worded as c
    inner join taker as t
        on
            t.rule = c.rule and t.instance = c.instance and t.form_version = c.form_version
            and t.rule_version = c.rule_version and t.group_id = c.group_id and t.on_date = c.on_date
)

select * from final
