-- Where the figures may be that a rule compares across a reorganisation: of a unit that ended, in a period that ends on the eve;
-- of one that followed it, or that gave a part away, in a period in which the day falls. A unit that ended within a period files
-- nothing for it.
-- grain: rule x set of units that gave and took among themselves on a day x side x unit x period
with side as (
    select
        catalogue_id, group_id, on_date, 'predecessors' as "at", predecessor_id as unit_id,
        not bool_or(predecessor_id = successor_id) as has_ended
    from catalogue.succession
    group by catalogue_id, group_id, on_date, predecessor_id
    union all
    select distinct catalogue_id, group_id, on_date, 'successors', successor_id, false from catalogue.succession
),

asked as (
    select distinct
        catalogue_id, rule, instance, form_version, rule_version, d.on_date, t."at", d.has_ended, p.period_id,
        p.ends_on - p.starts_on as days
    from build.candidate as c
    inner join catalogue.check_term as t using (catalogue_id)
    inner join catalogue.check_rule as r using (catalogue_id, rule, instance, form_version, rule_version)
    inner join catalogue.form_table as ft using (catalogue_id, table_code, form_version)
    inner join catalogue.form as f using (catalogue_id, form_code, form_version)
    inner join (select distinct catalogue_id, on_date, "at", has_ended from side) as d using (catalogue_id, "at")
    inner join catalogue.period as p on p.scheme = f.scheme and p.period_type = any(r.period_types)
        and case when d.has_ended then p.ends_on = d.on_date - 1 else d.on_date between p.starts_on and p.ends_on end
)

select a.rule, a.instance, a.form_version, a.rule_version, s.group_id, s.on_date, s."at", s.unit_id, a.period_id, a.days
from asked as a
inner join side as s using (catalogue_id, on_date, "at", has_ended)
