-- grain: period x ancestor x unit. The dated tree, opened once per period: facts then join on equality, because a join on
-- date ranges per fact is many times slower. Only the slice's ancestors, in the periods that have reports.
with reported_period as (
    select * from {{ ref('int_reported_period') }}
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
        p.period_id,
        t.ancestor_id,
        t.unit_id,
        t.depth,
        v.level as ancestor_level,
        l.published
    from reported_period as p
    inner join tree as t on p.ends_on between t.valid_from and t.valid_to
    inner join unit_version as v on v.unit_id = t.ancestor_id and p.ends_on between v.valid_from and v.valid_to
    inner join level as l on l.level = v.level
    -- a cell rolls up nothing but itself
    where (l.published or t.depth > 0) and {{ slice('touched', 'p.period_id', 't.ancestor_id') }}
)

select * from final
