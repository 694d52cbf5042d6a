{{ config(unique_key=['period_id', 'unit_id', 'table_code', 'tree', 'is_undivided'], meta={'slice': 'touched'}) }}

-- grain: tree x form table x period x published unit x whether it stands there undivided
with int_sheet as (
    select * from {{ ref('int_sheet') }}
),

final as (
    select
        s.tree,
        s.table_code,
        s.period_id,
        s.unit_id,
        s.is_undivided,
        s.last_due_on,
        s.units_due,
        s.units_reported,
        s.units_unowed,
        s.units_on_time,
        s.units_nil,
        s.figures,
        s.withheld,
        {{ release_columns() }}
    from int_sheet as s
    where {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
