-- grain: unit x period x form table: how many of the unit and all below it, on the tree of the period's end, owe the table, and
-- how many of these have reported it. Joined on a range of days, which is cheap here: a row a report, not a row a figure, and
-- periods of which nothing has come are here too.
with reporting as (
    select * from {{ ref('int_reporting') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

tree as (
    select * from {{ ref('int_org_tree') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

level as (
    select * from {{ ref('stg_level') }}
),

final as (
    select
        t.ancestor_id as unit_id,
        r.period_id,
        r.table_code,
        {{ completeness('r') }}
    from reporting as r
    inner join period as p on p.period_id = r.period_id
    inner join tree as t on t.unit_id = r.unit_id and p.ends_on between t.valid_from and t.valid_to
    inner join unit_version as v on v.unit_id = t.ancestor_id and p.ends_on between v.valid_from and v.valid_to
    inner join level as l on l.level = v.level
    where l.published and {{ slice('touched', 'r.period_id', 't.ancestor_id') }}
    group by t.ancestor_id, r.period_id, r.table_code
)

select * from final
