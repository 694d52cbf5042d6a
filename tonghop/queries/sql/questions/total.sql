-- A unit's figures over a year: flows added, of stocks the last, of openings the first, of what is distinct in each period none.
-- table: form table code, e.g. F1   unit: unit code; a line each unit that bore it in the year   year: e.g. 2021
-- type: one of M, Q, H1, H2, 9M, Y, since types overlap
-- shown: name, unit | indicator, label_vi, row, label_set, value, aggregation, periods/periods_in_year, reported/due
with span as (
    select p.period_id, p.code, p.ends_on from star.dim_period as p
    where p.year = %(year)s::integer and p.period_type = %(type)s
        and p.scheme in (
            select f.scheme from star.dim_form as f
            where f.table_code = %(table)s
        )
),

year as (
    select count(distinct code) as periods_in_year from span
),

-- a code goes to another unit: who bore it at the end of a period, and from when to when
bearer as (
    select u.unit_id, min(u.valid_from) as code_from, max(u.valid_to) as code_to
    from star.dim_org_unit as u
    where u.code = %(unit)s and exists (
            select from span
            where span.ends_on between u.valid_from and u.valid_to
        )
    group by u.unit_id
),

line as (
    select
        s.unit_id, s.row_id, s.indicator_id, s.label_set, count(*) as periods, min(span.code) as first_period,
        max(span.code) as last_period, max(span.ends_on) as day, max(s.value) as "value",
        sum(s.units_reported) as reported, sum(s.units_due) as due
    from star.series as s
    inner join span on s.period_id = span.period_id
    where s.unit_id = any(array(select unit_id from bearer)) and s.value is not null
    group by s.unit_id, s.row_id, s.indicator_id, s.label_set
),

-- of periods of which a year has one, that one; the others as the mart has them
total as (
    select
        line.*, year.periods_in_year,
        case year.periods_in_year when 1 then line.value else y.value end as total,
        case year.periods_in_year when 1 then line.reported else y.reports_received end as reports_received,
        case year.periods_in_year when 1 then line.due else y.reports_due end as reports_due
    from line
    cross join year
    left join star.fct_year as y
        on y.tree = 'reported' and y.period_type = %(type)s and y.unit_id = line.unit_id and y.row_id = line.row_id
            and y.indicator_id = line.indicator_id and y.label_set = line.label_set
            and y.first_period_id in (select period_id from span)
)

select
    u.code as unit,
    u.name,
    b.code_from,
    b.code_to,
    i.code as indicator,
    i.label_vi,
    i.label_en,
    w.row_code as "row",
    t.label_set,
    t.total as "value",
    i.aggregation,
    t.periods,
    t.periods_in_year,
    t.first_period,
    t.last_period,
    t.reports_received as reported,
    t.reports_due as due
from total as t
inner join bearer as b on t.unit_id = b.unit_id
inner join star.dim_org_unit as u on t.unit_id = u.unit_id and t.day between u.valid_from and u.valid_to
inner join star.dim_indicator as i on t.indicator_id = i.indicator_id
inner join star.dim_form_row as w on t.row_id = w.row_id
where i.table_code = %(table)s
order by b.code_from, t.unit_id, w.row_id, i.indicator_id, t.label_set
