-- grain: unit x period x form table that is owed. A unit has reported where a live submission covers it: with cells of
-- its own in the table, or as its own nil return. It was on time where the first report came in time that was accepted and not
-- withdrawn: a correction keeps that day, and so does a report that was returned or quarantined first and accepted by a replay.
with obligation as (
    select * from {{ ref('int_obligation') }}
),

submission as (
    select * from {{ ref('int_submission') }}
),

cell as (
    select * from {{ ref('stg_cell') }}
),

field as (
    select * from {{ ref('stg_field') }}
),

table_indicator as (
    select distinct
        table_code,
        indicator_id
    from field
),

covered as (
    select distinct
        c.unit_id,
        c.period_id,
        i.table_code,
        c.submission_id
    from cell as c
    inner join table_indicator as i on i.indicator_id = c.indicator_id
    where {{ slice('period', 'c.period_id') }}
    union
    select
        o.unit_id,
        o.period_id,
        o.table_code,
        s.submission_id
    from submission as s
    inner join obligation as o
        on o.unit_id = s.unit_id and o.period_id = s.period_id and o.form_code = s.form_code
    where s.is_nil
),

received as (
    select
        c.unit_id,
        c.period_id,
        c.table_code,
        max(c.submission_id) filter (where s.status = 'accepted') as submission_id,
        min(s.received_at) as received_at,
        bool_and(s.is_nil) filter (where s.status = 'accepted') as is_nil
    from covered as c
    inner join submission as s on s.submission_id = c.submission_id
    where s.status in ('accepted', 'superseded')
    group by c.unit_id, c.period_id, c.table_code
    having bool_or(s.status = 'accepted')
),

final as (
    select
        o.unit_id,
        o.period_id,
        o.table_code,
        o.due_on,
        r.received_at,
        r.submission_id is not null as is_received,
        ctl.days_late(o.due_on, ctl.local_day(r.received_at)) = 0 as is_on_time,
        r.is_nil,
        r.submission_id
    from obligation as o
    left join received as r
        on r.unit_id = o.unit_id and r.period_id = o.period_id and r.table_code = o.table_code
)

select * from final
