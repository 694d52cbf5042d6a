{{ config(unique_key=['finding_key'], meta={'slice': 'touched_or_unknown'}) }}

-- grain: source x rule x report (of a rule: unit and period) x unit, so that rows are counted as disagreements are. A rule may be
-- broken in many cells at once, one for each of its columns and rows: `cells` counts them; sheet and cell are of the first.
-- Identities among the rules are the gate's: a report that breaks one was returned, or a waiver let it pass on arrival.
with finding as (
    select * from {{ ref('int_finding') }}
),

evaluated as (
    select * from {{ ref('int_check') }}
),

found as (
    select
        concat_ws('/', 'arrival', submission_id, decision, rule, coalesce(unit_id::text, '-'), is_waived) as finding_key,
        'arrival' as source,
        rule,
        rule_version,
        kind,
        is_waived,
        unit_id,
        period_id,
        null as row_id,
        submission_id,
        sheet,
        cell,
        null as left_side,
        null as bound,
        message_vi,
        message_en,
        ordinal,
        null as instance
    from finding
    union all
    select
        concat_ws('/', 'rule', rule, form_version, unit_id, period_id, scope) as finding_key,
        'rule' as source,
        rule,
        rule_version,
        kind,
        false as is_waived,
        unit_id,
        period_id,
        row_id,
        submission_id,
        sheet,
        cell,
        left_side,
        bound,
        message_vi,
        message_en,
        null as ordinal,
        instance
    from evaluated
    where not holds and kind in ('consistency', 'compliance')
),

placed as (
    select
        *,
        count(*) over (partition by finding_key) as cells,
        row_number() over (partition by finding_key order by ordinal, row_id, instance) as place
    from found
),

final as (
    select
        s.finding_key,
        s.source,
        s.rule,
        s.rule_version,
        s.kind,
        s.is_waived,
        s.unit_id,
        s.period_id,
        s.cells::integer as cells,
        s.row_id,
        s.submission_id,
        s.sheet,
        s.cell,
        s.left_side,
        s.bound,
        s.message_vi,
        s.message_en,
        {{ release_columns() }}
    from placed as s
    where s.place = 1 and {{ slice('touched_or_unknown', 's.period_id', 's.unit_id') }}
)

select * from final
