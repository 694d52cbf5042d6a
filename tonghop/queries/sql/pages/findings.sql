select f.kind, f.rule, fixed.message_vi, fixed.message_en, count(*) as findings, count(distinct f.unit_id) as units
from in_release.fct_finding(%(release)s) as f
-- the catalogue's text only: a message about a single cell quotes it
left join lateral (
    select c.message_vi, c.message_en from catalogue.check_rule as c
    where c.rule = f.rule
    order by c.catalogue_id desc limit 1
) as fixed on true
group by f.kind, f.rule, fixed.message_vi, fixed.message_en
order by f.kind asc, findings desc, f.rule asc
limit %(shown)s
