-- the columns of the form tables' views: those that there are, in their places, then the newest catalogue's unrestricted fields
select i.table_code, i.indicator_id, i.field_code
from catalogue.indicator as i
left join pg_attribute as place on place.attrelid = to_regclass('bi.' || lower(i.table_code)) and place.attname = i.field_code
left join lateral (
    select f.ordinal, bool_or(f.restricted) over () as restricted from catalogue.field as f
    where f.indicator_id = i.indicator_id and f.catalogue_id = (select max(catalogue_id) from catalogue.version)
    order by f.form_version desc limit 1
) as newest on true
where place.attname is not null or not newest.restricted
order by i.table_code, place.attnum, newest.ordinal, i.indicator_id
