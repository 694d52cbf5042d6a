-- grain: unit x period x form table x scope: a report that is owed for a period that has ended, or that came and nobody owes. A
-- unit has reported where a live submission covers it: with a line of its own in the table, or as its own nil return. Figures do
-- not settle a claim that is owed, nor a claim the figures. It was on time where the first report came in time that was accepted
-- and not withdrawn: a correction keeps that day, and so does a report that was returned or quarantined first and accepted by a
-- replay.
with obligation as (
    select * from {{ ref('int_obligation') }}
),

submission as (
    select * from {{ ref('int_submission') }}
),

covered as (
    select * from {{ ref('stg_covered') }}
),

received as (
    select
        c.unit_id,
        c.period_id,
        c.table_code,
        c.scope,
        max(c.submission_id) filter (where s.status = 'accepted') as submission_id,
        min(s.received_at) as received_at,
        bool_and(c.is_nil) filter (where s.status = 'accepted') as is_nil
    from covered as c
    inner join submission as s on s.submission_id = c.submission_id
    where s.status in ('accepted', 'superseded') and {{ slice('period', 'c.period_id') }}
    group by c.unit_id, c.period_id, c.table_code, c.scope
    having bool_or(s.status = 'accepted')
),

final as (
    select
        coalesce(o.unit_id, r.unit_id) as unit_id,
        coalesce(o.period_id, r.period_id) as period_id,
        coalesce(o.table_code, r.table_code) as table_code,
        coalesce(o.scope, r.scope) as scope,
        o.unit_id is not null as is_owed,
        o.due_on,
        r.received_at,
        r.submission_id is not null as is_received,
        ctl.days_late(o.due_on, ctl.local_day(r.received_at)) = 0 as is_on_time,
        r.is_nil,
        r.submission_id
    from obligation as o
    full outer join received as r
        on
            r.unit_id = o.unit_id and r.period_id = o.period_id
            and r.table_code = o.table_code and r.scope = o.scope
    -- what is owed counts from the period's end; a nil return that nobody owes says nothing
    where o.has_ended or (o.unit_id is null and not r.is_nil)
)

select * from final
