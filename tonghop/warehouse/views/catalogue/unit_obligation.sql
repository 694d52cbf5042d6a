-- Who owes what: the tables that the levels of a unit owe, where it is in a reporting spell of the form, both on the period's
-- last day. A unit of two levels owes a table once, by the deadline and in the scope of the higher. The columns that name a row
-- are all in the key, so that conditions on them reach the tables.
select distinct on (o.catalogue_id, o.form_code, o.table_code, o.period_id, p.ends_on, v.unit_id)
    o.catalogue_id, o.form_code, o.form_version, o.table_code, o.period_id, p.ends_on, v.unit_id, v.level, o.due_on, o.scope
from catalogue.obligation as o
inner join catalogue.period as p on p.period_id = o.period_id
inner join catalogue.reporting_spell as s
    on s.catalogue_id = o.catalogue_id and s.form_code = o.form_code and p.ends_on between s.valid_from and s.valid_to
inner join catalogue.unit_version as v
    on v.catalogue_id = s.catalogue_id and v.unit_id = s.unit_id and o.level in (v.level, v.also_level)
        and p.ends_on between v.valid_from and v.valid_to
order by o.catalogue_id, o.form_code, o.table_code, o.period_id, p.ends_on, v.unit_id, o.level = v.level desc
