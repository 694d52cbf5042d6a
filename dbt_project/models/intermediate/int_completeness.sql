-- grain: unit x period x form table: how many of the unit and all below it, on the tree of the period's end, owe the table, and
-- how many of these have reported it; of periods of which nothing has come as well.
with reporting as (
    select * from {{ ref('int_reporting') }}
),

part as (
    select * from {{ ref('int_part') }}
    where tree = 'reported'
),

counted as (
    select
        p.ancestor_id,
        p.period_id,
        p.published,
        r.table_code,
        {{ completeness('r') }}
    from part as p
    inner join reporting as r on r.period_id = p.period_id and r.unit_id = p.unit_id
    where p.is_own
    group by p.ancestor_id, p.period_id, p.published, r.table_code
    union all
    select
        p.ancestor_id,
        p.period_id,
        p.published,
        k.table_code,
        k.last_due_on,
        k.due,
        k.received,
        k.on_time,
        k.late,
        k.missing,
        k.nil,
        k.unowed,
        k.claims_due,
        k.claims_received
    from part as p
    cross join {{ kept('fct_completeness', 'p') }} as k
    where p.is_kept
),

final as (
    select
        ancestor_id as unit_id,
        period_id,
        table_code,
        published,
        max(last_due_on) as last_due_on,
        sum(due)::integer as due,
        sum(received)::integer as received,
        sum(on_time)::integer as on_time,
        sum(late)::integer as late,
        sum(missing)::integer as missing,
        sum(nil)::integer as nil,
        sum(unowed)::integer as unowed,
        sum(claims_due)::integer as claims_due,
        sum(claims_received)::integer as claims_received
    from counted
    group by ancestor_id, period_id, published, table_code
)

select * from final
