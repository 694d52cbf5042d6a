-- grain: unit x period x form table: what is owed for a period that has ended, by the levels that a unit has and the
-- reporting spell that it is in at the period's end. A unit of two levels owes a table once, by the deadline of the higher.
with candidate as (
    select * from {{ ref('stg_candidate') }}
),

obligation as (
    select * from {{ ref('stg_obligation') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

reporting_spell as (
    select * from {{ ref('stg_reporting_spell') }}
),

final as (
    select distinct on (v.unit_id, o.period_id, o.table_code)
        v.unit_id,
        o.period_id,
        o.table_code,
        o.form_code,
        o.form_version,
        v.level,
        o.due_on
    from obligation as o
    inner join period as p on p.period_id = o.period_id
    inner join candidate as c on c.opened_on > p.ends_on
    inner join reporting_spell as s on s.form_code = o.form_code and p.ends_on between s.valid_from and s.valid_to
    inner join unit_version as v
        on
            v.unit_id = s.unit_id and o.level in (v.level, v.also_level)
            and p.ends_on between v.valid_from and v.valid_to
    where {{ slice('period', 'o.period_id') }}
    order by v.unit_id, o.period_id, o.table_code, o.level = v.level desc
)

select * from final
