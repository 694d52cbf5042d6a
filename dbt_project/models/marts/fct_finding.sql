{{ config(unique_key=['finding_key'], meta={'slice': 'touched_or_unknown'}) }}

-- grain: finding.
-- Identities among the rules are the gate's: a report that breaks one was returned, or a waiver let it pass on arrival.
with finding as (
    select * from {{ ref('int_finding') }}
),

evaluated as (
    select * from {{ ref('int_check') }}
),

findings as (
    select
        concat_ws('/', 'arrival', submission_id, decision, ordinal) as finding_key,
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
        message_en
    from finding
    union all
    select
        concat_ws('/', 'rule', rule, instance, form_version, unit_id, period_id, row_id, scope) as finding_key,
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
        message_en
    from evaluated
    where not holds and kind in ('consistency', 'compliance')
),

final as (
    select
        s.*,
        {{ release_columns() }}
    from findings as s
    where {{ slice('touched_or_unknown', 's.period_id', 's.unit_id') }}
)

select * from final
