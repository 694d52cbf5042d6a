-- grain: unit x period x form table: what is owed for a period that has ended, or of which something has come. The catalogue
-- decides who owes what.
with candidate as (
    select * from {{ ref('stg_candidate') }}
),

obligation as (
    select * from {{ ref('stg_obligation') }}
),

reported_period as (
    select * from {{ ref('int_reported_period') }}
),

final as (
    select
        o.unit_id,
        o.period_id,
        o.table_code,
        o.form_code,
        o.form_version,
        o.level,
        o.scope,
        o.due_on,
        o.ends_on < (select c.opened_on from candidate as c) as has_ended
    from obligation as o
    where
        (
            o.ends_on < (select c.opened_on from candidate as c)
            or o.period_id in (select r.period_id from reported_period as r)
        ) and {{ slice('period', 'o.period_id') }}
)

select * from final
