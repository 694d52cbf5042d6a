with candidate as (
    select * from {{ source('build', 'candidate') }}
),

obligation as (
    select * from {{ source('catalogue', 'obligation') }}
),

final as (
    select
        s.form_code,
        s.form_version,
        s.table_code,
        s.level,
        s.period_id,
        s.due_on
    from obligation as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
