{{ config(unique_key=['row_id'], meta={'slice': 'catalogue'}) }}

-- grain: form row. The newest form version gives a row its labels.
with form_row as (
    select * from {{ ref('stg_form_row') }}
),

newest as (
    select distinct on (row_id)
        row_id,
        table_code,
        row_code,
        label_vi,
        label_en
    from form_row
    order by row_id asc, form_version desc
),

final as (
    select
        row_id,
        table_code,
        row_code,
        label_vi,
        label_en,
        {{ release_columns() }}
    from newest
    where {{ slice('catalogue') }}
)

select * from final
