-- grain: rule x instance x form version x rule version
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

check_rule as (
    select * from {{ source('catalogue', 'check_rule') }}
),

final as (
    select
        s.rule,
        s.instance,
        s.form_version,
        s.rule_version,
        s.table_code,
        s.kind,
        s.op,
        s.bound,
        s.period_types,
        s.levels,
        s.valid_from,
        s.valid_to,
        s.message_vi,
        s.message_en
    from check_rule as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
