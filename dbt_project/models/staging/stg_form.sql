-- grain: form x version
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

form as (
    select * from {{ source('catalogue', 'form') }}
),

final as (
    select
        s.form_code,
        s.form_version,
        s.scheme,
        s.name_vi,
        s.name_en,
        s.valid_from,
        s.valid_to
    from form as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
