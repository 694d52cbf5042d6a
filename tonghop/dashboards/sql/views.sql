-- the views of bi that readers may read, their columns in order, and what both mean; those of the last period are for tools that
-- have no metrics
select
    c.relname as view_name,
    coalesce(obj_description(c.oid), '') as about,
    a.attname as column_name,
    format_type(a.atttypid, null) as type,
    coalesce(col_description(c.oid, a.attnum), '') as column_about
from pg_class as c
inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'bi'::regnamespace and c.relkind = 'v' and has_table_privilege(%(reader)s, c.oid, 'select')
    and c.relname !~ '_latest$'
order by c.relname, a.attnum
