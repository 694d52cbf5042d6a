{{ config(unique_key=['tree_id'], meta={'slice': 'catalogue'}) }}

-- grain: tree
with int_tree as (
    select * from {{ ref('int_tree') }}
),

final as (
    select
        s.tree_id,
        s.valid_from,
        s.valid_to,
        s.is_today,
        {{ release_columns() }}
    from int_tree as s
    where {{ slice('catalogue') }}
)

select * from final
