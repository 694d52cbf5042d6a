{{ config(unique_key=['unit_id', 'ancestor_id', 'valid_from'], meta={'slice': 'catalogue'}) }}

-- grain: unit x ancestor x stretch of days
with int_org_tree as (
    select * from {{ ref('int_org_tree') }}
),

final as (
    select
        s.ancestor_id,
        s.unit_id,
        s.depth,
        s.valid_from,
        s.valid_to,
        {{ release_columns() }}
    from int_org_tree as s
    where {{ slice('catalogue') }}
)

select * from final
