-- What the populations range over, drawn from the ledger and the catalogue before the gate asks; it runs as the owner. A line
-- that ends in `-- slice` or `-- whole` is there only when a slice of the candidate is asked, or everything; as in candidate.sql.
truncate gate.asked, gate.period, gate.unit, gate.below, gate.year_part, gate.receipt;

insert into gate.asked (release_id, whole, today)
select
    %(release)s,
    false, -- slice
    true, -- whole
    ctl.local_day(opened_at)
from ctl.release
where release_id = %(release)s;

-- a tree goes by its first day
drop table if exists pg_temp.tree, pg_temp.unit;
create temporary table tree on commit drop as
with began as (
    select valid_from as tree from catalogue.unit_version inner join gate.release using (catalogue_id)
    union
    select valid_to + 1 from catalogue.unit_version inner join gate.release using (catalogue_id)
    where valid_to < '9999-12-31'
)

select tree, lead(tree, 1, '9999-12-31') over (order by tree) as next from began;

update gate.asked set today = tree.tree
from tree
where asked.today >= tree.tree and asked.today < tree.next;

insert into gate.period (period_id, ends_on, tree)
select period.period_id, period.ends_on, tree.tree
from catalogue.period as period
inner join tree on period.ends_on >= tree.tree and period.ends_on < tree.next
where period.period_id in (select period_id from build.touched); -- slice
where -- whole
    period.period_id in (select period_id from intake.line) -- whole
    or period.period_id in (select period_id from candidate.fct_reporting); -- whole

create temporary table unit on commit drop as
select version.unit_id, version.parent_id, version.level, version.also_level, level.published, tree.tree
from gate.release
inner join catalogue.unit_version as version using (catalogue_id)
inner join catalogue.level as level using (catalogue_id, level)
inner join (
    select tree from gate.period
    union
    select today from gate.asked
) as tree on tree.tree between version.valid_from and version.valid_to;
create index on unit (tree, parent_id);
create index on unit (tree, unit_id);
analyze unit, gate.period;

insert into gate.below (tree, unit_id, part_id, is_sum)
with recursive top as (
    select tree, unit_id from unit -- whole
    select period.tree, touched.unit_id -- slice
    from build.touched as touched -- slice
    inner join gate.period using (period_id) -- slice
    union -- slice
    select asked.today, touched.unit_id -- slice
    from build.touched as touched -- slice
    cross join gate.asked -- slice
),

down (tree, unit_id, part_id, is_sum) as (
    select tree, unit_id, unit_id as part_id, false from top inner join unit using (tree, unit_id)
    union
    select
        down.tree, down.unit_id, unit.unit_id as part_id,
        unit.published -- slice
        false -- whole
    from down inner join unit on down.tree = unit.tree and down.part_id = unit.parent_id
    where not down.is_sum
)

select * from down;

insert into gate.unit (tree, unit_id, parent_id, level, also_level, published)
select tree, unit_id, parent_id, level, also_level, published from unit
where (tree, unit_id) in (select tree, part_id from gate.below); -- slice
where true; -- whole
insert into gate.year_part (period_id, unit_id) -- slice
select distinct part.period_id, touched.unit_id -- slice
from build.touched as touched -- slice
inner join catalogue.period as year on touched.period_id = year.period_id and year.period_type = 'Y' -- slice
inner join catalogue.period as part -- slice
    on year.scheme = part.scheme and year.period_id / 100000 = part.period_id / 100000 -- slice
        and part.period_type in ('M', 'Q'); -- slice
insert into gate.receipt (receipt_id) -- slice
select ledger.receipt_id from gate.release -- slice
inner join ctl.release as base on release.base_release_id = base.release_id -- slice
inner join intake.ledger as ledger on ledger.seq > base.cutoff_seq and ledger.seq <= release.cutoff_seq -- slice
where ledger.receipt_id is not null -- slice
union -- slice
select line.receipt_id from build.touched as touched -- slice
inner join intake.line as line on touched.period_id = line.period_id and touched.unit_id = line.unit_id; -- slice

analyze gate.below, gate.unit, gate.year_part, gate.receipt, build.touched;
