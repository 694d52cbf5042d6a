-- One form table for one unit and period: what it reported, with its subordinates, and how much of that is there.
-- table: form table code, e.g. F1   unit: unit code   period: period code, e.g. 2021-Y
-- shown: indicator, label_vi, row, with_subordinates, claimed, state, reported/due
with place as (
    select distinct p.period_id, u.unit_id
    from star.dim_form as f
    inner join star.dim_period as p on f.scheme = p.scheme
    inner join star.dim_org_unit as u on p.ends_on between u.valid_from and u.valid_to
    where f.table_code = %(table)s and p.code = %(period)s and u.code = %(unit)s
),

-- a figure, and how many units it covers in each state
figures as (
    select
        i.indicator_id, fr.row_id, i.code as indicator, i.label_vi, i.label_en, fr.row_code as "row",
        (
            select o.value from star.fct_observation as o
            where o.unit_id = x.unit_id and o.period_id = x.period_id and o.row_id = fr.row_id and o.indicator_id = i.indicator_id
                and o.scope = 'own'
        ) as own,
        r.value as with_subordinates,
        r.claimed,
        case
            when coalesce(r.value, r.claimed) = 0 then 'zero'
            when coalesce(r.value, r.claimed) is not null then 'value'
            when c.blank > 0 then 'blank'
            when c.not_applicable > 0 then 'not_applicable'
            when coalesce(q.due, 0) = 0 then 'not_due'
            when q.missing > 0 then 'missing'
            when q.nil > 0 then 'nil'
            else 'not_asked'
        end as state,
        coalesce(c.reported, q.received) as reported, coalesce(c.due, q.due) as due,
        c.value as values, c.zero, c.blank, c.not_applicable, c.nil, c.missing, c.not_due
    from place as x
    inner join star.dim_indicator as i on i.table_code = %(table)s
    inner join star.dim_form_row as fr on fr.table_code = %(table)s
    -- unit and period as values: what is counted on asking would otherwise be counted for everyone
    left join (
        select * from star.fct_rollup
        where unit_id = any(array(select unit_id from place)) and period_id = any(array(select period_id from place))
    ) as r
        on x.unit_id = r.unit_id and x.period_id = r.period_id and r.row_id = fr.row_id and r.indicator_id = i.indicator_id
    left join (
        select * from star.coverage_of
        where unit_id = any(array(select unit_id from place)) and period_id = any(array(select period_id from place))
    ) as c
        on x.unit_id = c.unit_id and x.period_id = c.period_id and c.row_id = fr.row_id and c.indicator_id = i.indicator_id
    left join star.fct_completeness as q
        on x.unit_id = q.unit_id and x.period_id = q.period_id and q.table_code = %(table)s
),

lines as (
    select * from figures
    union all
    select
        null, null, w.code, w.label_vi, w.label_en, null, null, null, null, 'withheld', null, null, null, null, null, null, null,
        null, null
    from star.withheld as w
    where w.table_code = %(table)s and exists (select from place)
)

select
    indicator, label_vi, label_en, "row", own, with_subordinates, claimed, state, reported, due, "values", zero, blank,
    not_applicable, nil, missing, not_due
from lines
order by row_id, indicator_id
