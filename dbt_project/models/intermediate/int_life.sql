-- grain: unit x stretch of days (both ends included) over which it is the same unit whatever it is called. Taking another in
-- begins a new life: what the figures cover is another thing from then on.
with unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

succession as (
    select * from {{ ref('stg_succession') }}
),

beginning as (
    select
        v.unit_id,
        v.valid_from as born
    from unit_version as v
    where not exists (
            select 1 from unit_version as b
            where b.unit_id = v.unit_id and b.valid_to = v.valid_from - 1
        )
    union
    select
        s.successor_id as unit_id,
        s.on_date as born
    from succession as s
    inner join unit_version as v on v.unit_id = s.successor_id and s.on_date between v.valid_from and v.valid_to
),

ending as (
    select
        v.unit_id,
        v.valid_to as died
    from unit_version as v
    where not exists (
            select 1 from unit_version as n
            where n.unit_id = v.unit_id and n.valid_from - 1 = v.valid_to
        )
),

final as (
    select
        b.unit_id,
        b.born,
        least(min(e.died), lead(b.born) over (partition by b.unit_id order by b.born) - 1) as died
    from beginning as b
    inner join ending as e on e.unit_id = b.unit_id and e.died >= b.born
    group by b.unit_id, b.born
)

select * from final
