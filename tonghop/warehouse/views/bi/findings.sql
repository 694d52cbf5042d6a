-- What was found, a row a rule that a unit's report for a period breaks, however many cells of it do. Without amounts, as in
-- star.fct_finding.
select
    {{ place_columns('w', levels) }},
    p.period_type, {{ period_columns('p') }}, m.source, m.rule, m.kind, m.is_waived,
    min(c.message_vi) as message_vi, min(c.message_en) as message_en, sum(m.cells)::integer as cells
from current.fct_finding as m
inner join current.dim_period as p on p.period_id = m.period_id
inner join current.dim_place as w on w.unit_id = m.unit_id and p.ends_on between w.valid_from and w.valid_to
left join (
    select distinct on (x.rule) x.rule, x.message_vi, x.message_en from catalogue.check_rule as x
    order by x.rule asc, x.catalogue_id desc, x.form_version desc, x.rule_version desc, x.instance asc
) as c on c.rule = m.rule and m.source = 'rule'
group by
    w.unit_key, w.code, w.name, w.level, w.above, p.period_type, p.code, p.year, p.starts_on, p.ends_on, m.source, m.rule, m.kind,
    m.is_waived, m.submission_id
