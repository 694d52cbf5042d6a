-- who is at a level that owes figures in a table for some period
select distinct u.catalogue_id, u.unit_id, u.valid_from, u.valid_to, o.table_code
from catalogue.unit_version as u
inner join (
    select distinct catalogue_id, table_code, level from catalogue.obligation
    where scope = 'own'
) as o
    on o.catalogue_id = u.catalogue_id and o.level in (u.level, u.also_level)
