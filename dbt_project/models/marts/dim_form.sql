{{ config(unique_key=['table_code', 'form_version'], meta={'slice': 'catalogue'}) }}

-- grain: form table x form version
with form as (
    select * from {{ ref('stg_form') }}
),

form_table as (
    select * from {{ ref('stg_form_table') }}
),

final as (
    select
        t.table_code,
        t.form_version,
        t.form_code,
        f.name_vi as form_name_vi,
        f.name_en as form_name_en,
        t.name_vi as table_name_vi,
        t.name_en as table_name_en,
        f.scheme,
        f.valid_from,
        f.valid_to,
        {{ release_columns() }}
    from form_table as t
    inner join form as f on f.form_code = t.form_code and f.form_version = t.form_version
    where {{ slice('catalogue') }}
)

select * from final
