-- grain: candidate: one row while one is open, none otherwise
with candidate as (
    select * from {{ source('build', 'candidate') }}
),

final as (
    select
        release_id,
        cutoff_seq,
        catalogue_id,
        base_release_id,
        ctl.local_day(opened_at) as opened_on
    from candidate
)

select * from final
