-- grain: rule x set of units that gave and took among themselves on a day x side x unit x period
with party as (
    select * from {{ source('build', 'party') }}
),

final as (
    select
        s.rule,
        s.instance,
        s.form_version,
        s.rule_version,
        s.group_id,
        s.on_date,
        s.at as term_at,
        s.unit_id,
        s.period_id,
        s.days
    from party as s
)

select * from final
