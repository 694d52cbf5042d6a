-- grain: unit x period x form table: what is owed for a period that has ended. The catalogue decides who owes what.
with candidate as (
    select * from {{ ref('stg_candidate') }}
),

obligation as (
    select * from {{ ref('stg_obligation') }}
),

final as (
    select
        o.unit_id,
        o.period_id,
        o.table_code,
        o.form_code,
        o.form_version,
        o.level,
        o.due_on
    from obligation as o
    where o.ends_on < (select c.opened_on from candidate as c) and {{ slice('period', 'o.period_id') }}
)

select * from final
