-- A finding shows that a rule failed and where, not by how much: a withheld figure could be solved from it. The catalogue's
-- messages are fixed texts that name published units at most; the message about a single cell quotes it, so that stays with the
-- sender and the auditor. So does where something was found in a file: the cell that is named first is the likeliest wrong one,
-- by the figures, and a place may be called by what the sender wrote.
select
    m.finding_key, m.source, m.rule, m.rule_version, m.kind, m.is_waived, m.unit_id, m.period_id, m.cells, m.row_id,
    m.submission_id, case when m.source = 'rule' then m.sheet end as sheet, case when m.source = 'rule' then m.cell end as cell,
    case when known.is_fixed then m.message_vi end as message_vi, case when known.is_fixed then m.message_en end as message_en
from current.fct_finding as m
cross join
    lateral (select exists(
        select from catalogue.check_rule as c
        where c.rule = m.rule
    ) as is_fixed) as known
where {{ unit_is_shown('m.unit_id') }}
