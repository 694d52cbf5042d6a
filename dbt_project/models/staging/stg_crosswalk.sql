-- grain: form version x old indicator x new indicator
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

crosswalk as (
    select * from {{ source('catalogue', 'crosswalk') }}
),

final as (
    select
        s.form_version,
        s.old_id,
        s.new_id,
        s.is_break,
        s.broken_on,
        s.why_vi,
        s.why_en
    from crosswalk as s
    inner join candidate as c on c.catalogue_id = s.catalogue_id
)

select * from final
