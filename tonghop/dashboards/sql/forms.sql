-- the views of form tables, each with its form, its table and whether anybody owes it for its kind of period
with newest as (
    select max(v.catalogue_id) as catalogue_id from catalogue.version as v
),

kind as (
    select k.table_code, k.kind, bool_or(k.is_owed) as is_owed
    from catalogue.form_kind as k
    inner join newest as n on n.catalogue_id = k.catalogue_id
    group by k.table_code, k.kind
),

form_table as (
    select distinct on (t.table_code)
        t.table_code, f.form_code, f.name_vi as form_vi, f.name_en as form_en, t.name_vi as table_vi, t.name_en as table_en
    from catalogue.form_table as t
    inner join catalogue.form as f
        on f.catalogue_id = t.catalogue_id and f.form_code = t.form_code and f.form_version = t.form_version
    inner join newest as n on n.catalogue_id = t.catalogue_id
    order by t.table_code asc, t.form_version desc
)

select c.relname as view_name, t.form_code, t.form_vi, t.form_en, t.table_code, t.table_vi, t.table_en, k.kind, k.is_owed
from pg_class as c
inner join kind as k on c.relname ~ ('^' || lower(k.table_code || '_' || k.kind) || '(_latest|_from_[a-z]+)?(_today)?$')
inner join form_table as t on t.table_code = k.table_code
where c.relnamespace = 'bi'::regnamespace and c.relkind = 'v'
order by t.form_code, t.table_code, k.kind, c.relname
