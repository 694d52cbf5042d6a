-- the form tables of the newest catalogue and the kinds of periods that each is reported for; what a kind says of several form
-- versions comes together
with newest as (
    select max(catalogue_id) as catalogue_id from catalogue.version
),

named as (
    select distinct on (t.table_code) t.table_code, t.name_vi, t.name_en
    from catalogue.form_table as t
    where t.catalogue_id = (select catalogue_id from newest)
    order by t.table_code asc, t.form_version desc
)

select
    k.table_code, k.kind, array_agg(distinct type.period_type) as period_types, max(k.ordinals) as ordinals,
    bool_or(k.is_owed) as is_owed, n.name_vi, n.name_en
from catalogue.form_kind as k
inner join named as n on n.table_code = k.table_code
cross join unnest(k.period_types) as type (period_type)
where k.catalogue_id = (select catalogue_id from newest)
group by k.table_code, k.kind, n.name_vi, n.name_en
order by k.table_code, k.kind
