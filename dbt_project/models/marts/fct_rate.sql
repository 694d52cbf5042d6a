{{ config(unique_key=['period_id', 'unit_id', 'rate_code', 'row_id', 'basis'], meta={'slice': 'touched'}) }}

-- grain: unit x period x row x rate x basis
with int_rate as (
    select * from {{ ref('int_rate') }}
),

final as (
    select
        s.unit_id,
        s.period_id,
        s.row_id,
        s.rate_code,
        s.basis,
        s.numerator,
        s.denominator,
        s.value,
        {{ release_columns() }}
    from int_rate as s
    where {{ slice('touched', 's.period_id', 's.unit_id') }}
)

select * from final
