-- grain: unit x period x form table. The number of the catalogue is a value, which reaches the tables below the view; joined,
-- every catalogue would be gone through.
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

obligation as (
    select * from {{ source('catalogue', 'unit_obligation') }}
),

final as (
    select
        form_code,
        form_version,
        table_code,
        period_id,
        ends_on,
        unit_id,
        level,
        scope,
        due_on
    from obligation
    where catalogue_id = (select catalogue_id from candidate)
)

select * from final
