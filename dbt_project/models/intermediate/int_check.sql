-- grain: rule x instance x form version x unit x period x row x scope: every rule that the slice's accepted figures decide, in
-- the version that is in force at the period's end. A rule that looks across a reorganisation has no scope, and is not
-- met while a unit of either side has not reported.
with left_side as (
    select * from {{ ref('int_left_side') }}
),

handover as (
    select * from {{ ref('int_handover') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

unit_version as (
    select * from {{ ref('stg_unit_version') }}
),

form_row as (
    select * from {{ ref('stg_form_row') }}
),

form_table as (
    select * from {{ ref('stg_form_table') }}
),

form as (
    select * from {{ ref('stg_form') }}
),

check_rule as (
    select * from {{ ref('stg_check_rule') }}
),

decided as (
    select
        rule,
        instance,
        form_version,
        rule_version,
        unit_id,
        period_id,
        row_code,
        scope,
        has_same,
        left_side,
        submission_id,
        sheet,
        cell,
        null as awaited_vi,
        null as awaited_en
    from left_side
    union all
    select
        rule,
        instance,
        form_version,
        rule_version,
        unit_id,
        period_id,
        row_code,
        null as scope,
        false as has_same,
        left_side,
        null as submission_id,
        null as sheet,
        null as cell,
        awaited_vi,
        awaited_en
    from handover
),

-- each name by itself decides little and the planner takes them for independent: one key in their place
keyed as (
    select
        *,
        concat_ws('/', rule, instance, form_version, rule_version) as rule_key,
        concat_ws('/', rule, instance, form_version, rule_version, row_code) as row_key
    from decided
),

-- rules and units as they stood at the end of each period: what follows joins by equality, and not by ranges of days
asked as materialized (
    select
        period_id,
        period_type,
        ends_on
    from period
    where period_id in (select d.period_id from decided as d)
),

rule_at as materialized (
    select
        r.*,
        p.period_id,
        concat_ws('/', r.rule, r.instance, r.form_version, r.rule_version) as rule_key,
        p.ends_on between f.valid_from and f.valid_to as is_in_force
    from check_rule as r
    inner join asked as p on p.ends_on between r.valid_from and r.valid_to
    inner join form_table as ft on ft.table_code = r.table_code and ft.form_version = r.form_version
    inner join form as f on f.form_code = ft.form_code and f.form_version = ft.form_version
    where cardinality(r.period_types) = 0 or p.period_type = any(r.period_types)
),

unit_at as materialized (
    select
        p.period_id,
        v.unit_id,
        v.level,
        v.also_level
    from asked as p
    inner join unit_version as v on p.ends_on between v.valid_from and v.valid_to
),

row_of as materialized (
    select
        w.row_id,
        concat_ws('/', r.rule, r.instance, r.form_version, r.rule_version, w.row_code) as row_key
    from check_rule as r
    inner join form_row as w on w.table_code = r.table_code and w.form_version = r.form_version
),

final as (
    select
        c.rule,
        c.instance,
        c.form_version,
        c.rule_version,
        r.kind,
        c.unit_id,
        c.period_id,
        w.row_id,
        c.scope,
        c.left_side,
        r.op,
        r.bound,
        coalesce(case r.op when '=' then c.left_side = r.bound else c.left_side <= r.bound end, false) as holds,
        c.submission_id,
        c.sheet,
        c.cell,
        concat_ws(' ', r.message_vi, c.awaited_vi) as message_vi,
        concat_ws(' ', r.message_en, c.awaited_en) as message_en
    from keyed as c
    inner join rule_at as r on r.period_id = c.period_id and r.rule_key = c.rule_key
    inner join unit_at as v on v.period_id = c.period_id and v.unit_id = c.unit_id
    inner join row_of as w on w.row_key = c.row_key
    where
        (cardinality(r.levels) = 0 or v.level = any(r.levels) or v.also_level = any(r.levels))
        -- a rule that no figure of its own report carries is the one in force at the period's end
        and (c.has_same or r.is_in_force)
)

select * from final
