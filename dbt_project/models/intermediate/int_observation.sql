{{ config(materialized='view') }}

-- grain: unit x period x row x indicator x scope: the figures that count in this candidate
with cell as (
    select * from {{ ref('stg_cell') }}
),

submission as (
    select * from {{ ref('int_submission') }}
),

final as (
    select
        c.unit_id,
        c.period_id,
        c.row_id,
        c.indicator_id,
        c.scope,
        c.submission_id,
        s.form_version,
        c.state,
        c.value,
        c.sheet,
        c.cell
    from submission as s
    inner join cell as c on c.submission_id = s.submission_id
    where s.status = 'accepted'
)

select * from final
