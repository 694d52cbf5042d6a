-- Whatever an act since the base release may have changed: its units and periods, the period that follows (opening figures)
-- and the quarter of a month (sums of months), the units owing a period that has ended since; all of their ancestors; what a
-- rule compares with any of these across a reorganisation; and the year of each, for its sums.
with recursive candidate as (
    select
        c.*, b.cutoff_seq as base_seq, ctl.local_day(c.opened_at) as opened_on,
        ctl.local_day(b.opened_at) as base_opened_on
    from build.candidate as c join ctl.release as b on b.release_id = c.base_release_id
),

acted as (
    select distinct l.receipt_id from intake.ledger as l join candidate as c on l.seq > c.base_seq and l.seq <= c.cutoff_seq
),

subject as (
    select r.period_id, r.unit_id from acted join intake.receipt as r using (receipt_id)
    union
    select x.period_id, x.unit_id from acted join intake.cell as x using (receipt_id)
    union
    select r.period_id, f.unit_id
    from acted
    join intake.receipt as r using (receipt_id)
    join intake.finding as f using (receipt_id)
    union
    -- what was found in a file before it was decided again, wherever it was found
    select f.period_id, f.unit_id from acted join marts.fct_finding as f on f.submission_id = acted.receipt_id
        and f.source = 'arrival' and f.release_to = %(still)s
),

line as (
    select period_id, unit_id from subject
    where period_id is not null and unit_id is not null
    union
    select o.period_id, s.unit_id
    from subject as s
    join catalogue.period as p on p.period_id = s.period_id
    join catalogue.period as o
        on o.scheme = p.scheme
            and (
                o.starts_on = p.ends_on + 1
                or (p.period_type = 'M' and o.period_type = 'Q' and o.starts_on <= p.starts_on and o.ends_on >= p.ends_on)
            )
    where s.unit_id is not null
    union
    select p.period_id, s.unit_id
    from candidate as c
    join catalogue.period as p on p.ends_on >= c.base_opened_on and p.ends_on < c.opened_on
    join catalogue.reporting_spell as s on s.catalogue_id = c.catalogue_id and p.ends_on between s.valid_from and s.valid_to
    union
    select l.period_id, v.parent_id
    from line as l
    join catalogue.period as p on p.period_id = l.period_id
    join candidate as c on true
    join catalogue.unit_version as v
        on v.catalogue_id = c.catalogue_id and v.unit_id = l.unit_id
            and p.ends_on between v.valid_from and v.valid_to
    where v.parent_id is not null
),

-- where their figures land today, and all above that: the tree is the base release's, as is the catalogue
restated as (
    select l.period_id, t.ancestor_id
    from line as l
    join candidate as c on true
    join catalogue.period as p on p.period_id = l.period_id
    join marts.bridge_restated as r
        on r.unit_id = l.unit_id and r.release_to = %(still)s
            and p.ends_on between r.facts_from and r.facts_to and c.opened_on between r.valid_from and r.valid_to
    join marts.bridge_org_tree as t on t.unit_id = r.lands_on_id and t.release_to = %(still)s
        and c.opened_on between t.valid_from and t.valid_to
),

touched as (
    select period_id, unit_id from line
    union
    select period_id, ancestor_id from restated
    union
    select other.period_id, other.unit_id
    from touched as t
    join build.party as mine on mine.period_id = t.period_id and mine.unit_id = t.unit_id
    join build.party as other on other.group_id = mine.group_id and other.on_date = mine.on_date and other.rule = mine.rule
)

insert into build.touched (period_id, unit_id)
select period_id, unit_id from touched
union
select y.year_id, t.unit_id from touched as t join catalogue.period_in_year as y on y.period_id = t.period_id
