-- Figures with the names of their units and the stretches of releases that show them.
select
    u.code as unit, u.name, f.code as indicator, f.part, f.period, w.row_code as row, f.basis,
    coalesce(f.tree, 'as reported') as tree, f.value,
    lower(f.releases) as released_from, nullif(upper(f.releases) - 1, s.current) as released_to
from figures as f
cross join shown as s
join catalogue.form_row as w on w.row_id = f.row_id
join in_release.dim_org_unit(lower(f.releases)) as u on u.unit_id = f.unit_id and f.ends_on between u.valid_from and u.valid_to
where not isempty(f.releases)
order by f.part nulls first, f.code, u.level_rank, u.sort_key, f.tree nulls first, f.basis, f.releases
