-- grain: form row x form version; with the codes that the registry of form rows has for it
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

form_table_row as (
    select * from {{ source('catalogue', 'form_table_row') }}
),

form_row as (
    select * from {{ source('catalogue', 'form_row') }}
),

final as (
    select
        s.row_id,
        s.form_version,
        r.table_code,
        r.row_code,
        s.ordinal,
        s.label_vi,
        s.label_en
    from form_table_row as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
    inner join form_row as r on r.row_id = s.row_id
)

select * from final
