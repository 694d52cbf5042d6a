{{ config(unique_key=['old_id', 'new_id', 'form_version'], meta={'slice': 'catalogue'}) }}

-- grain: old indicator x new indicator x form version
with stg_crosswalk as (
    select * from {{ ref('stg_crosswalk') }}
),

final as (
    select
        s.old_id,
        s.new_id,
        s.form_version,
        s.is_break,
        s.broken_on,
        s.why_vi,
        s.why_en,
        {{ release_columns() }}
    from stg_crosswalk as s
    where {{ slice('catalogue') }}
)

select * from final
