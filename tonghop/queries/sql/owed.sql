with recursive current_ as (
    select max(catalogue_id) as catalogue_id from catalogue.version
),

unit_version as materialized (
    select v.* from catalogue.unit_version as v join current_ using (catalogue_id)
),

owing as materialized (
    select
        o.form_code, o.form_version, o.table_code, o.due_on, o.period_id, p.code as period, o.ends_on,
        o.unit_id, v.code, v.name, o.level, o.scope, v.sort_key
    from catalogue.unit_obligation as o
    join catalogue.period as p on p.period_id = o.period_id
    join unit_version as v on v.unit_id = o.unit_id and o.ends_on between v.valid_from and v.valid_to
    where o.catalogue_id = (select catalogue_id from current_) and o.ends_on < %(as_of)s
        and (%(period)s::text is null or o.period_id = any(array(
            select period_id from catalogue.period
            where code = %(period)s
        )))
        and (%(form)s::text is null or o.form_code = %(form)s)
),

-- a code goes to another unit: what every unit owes that bore it at the end of a period, under whatever code
bearer as (
    select distinct v.unit_id from (select distinct ends_on from owing) as o
    join unit_version as v on v.code = %(unit)s and o.ends_on between v.valid_from and v.valid_to
),

below (ends_on, unit_id) as (
    select distinct o.ends_on, b.unit_id from owing as o
    cross join bearer as b
    union
    select b.ends_on, v.unit_id from below as b
    join unit_version as v on v.parent_id = b.unit_id and b.ends_on between v.valid_from and v.valid_to
),

-- each receipt's last act, by the end of the day, that decides whether it counts
decided as materialized (
    select distinct on (receipt_id) receipt_id, act from intake.ledger
    where act in ('accepted', 'returned', 'quarantined', 'superseded', 'withdrawn')
        and at < %(until)s
    order by receipt_id asc, seq desc
),

last_receipt as (
    select distinct on (unit_id, form_code, period_id) unit_id, form_code, period_id, receipt_id, act
    from decided join intake.receipt using (receipt_id)
    order by unit_id asc, form_code asc, period_id asc, receipt_id desc
),

-- before anything is joined to it, so that what has come is looked up once and not for each row
missing as materialized (
    select o.* from owing as o
    where (%(unit)s::text is null or (o.ends_on, o.unit_id) in (select ends_on, unit_id from below))
        and not exists (
            select from intake.covered as c join decided as s using (receipt_id)
            where c.period_id = o.period_id and c.unit_id = o.unit_id and c.table_code = o.table_code and c.scope = o.scope
                and s.act = 'accepted'
        )
)

select
    o.code as unit, o.name, o.level, o.scope, o.form_code as form, o.table_code as table,
    t.name_vi as table_vi, t.name_en as table_en, o.period, o.due_on, ctl.days_late(o.due_on, %(as_of)s) as days_late,
    case when l.act = 'returned' then l.receipt_id end as returned
from missing as o
cross join current_ as k
join catalogue.form_table as t
    on t.catalogue_id = k.catalogue_id and t.table_code = o.table_code and t.form_version = o.form_version
left join last_receipt as l on l.unit_id = o.unit_id and l.form_code = o.form_code and l.period_id = o.period_id
order by o.due_on, o.sort_key, o.code, o.table_code, o.period_id
