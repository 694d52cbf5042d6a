-- grain: rule x instance x form version x rule version x indicator x place of its value
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

check_term as (
    select * from {{ source('catalogue', 'check_term') }}
),

final as (
    select
        s.rule,
        s.instance,
        s.form_version,
        s.rule_version,
        s.indicator_id,
        s.coefficient,
        s.at as term_at
    from check_term as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
