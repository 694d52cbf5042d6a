with candidate as (
    select * from {{ source('build', 'candidate') }}
),

reporting_spell as (
    select * from {{ source('catalogue', 'reporting_spell') }}
),

final as (
    select
        s.unit_id,
        s.form_code,
        s.valid_from,
        s.valid_to
    from reporting_spell as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
