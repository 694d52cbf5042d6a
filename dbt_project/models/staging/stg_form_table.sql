-- grain: form table x form version
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

form_table as (
    select * from {{ source('catalogue', 'form_table') }}
),

final as (
    select
        s.form_code,
        s.form_version,
        s.table_code,
        s.name_vi,
        s.name_en
    from form_table as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
