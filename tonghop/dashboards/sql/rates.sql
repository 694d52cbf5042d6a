-- the rates of the newest catalogue, with their terms: the indicator's number and its coefficient
select
    m.code, m.table_code, m.label_vi, m.formula_vi, m.formula_en, m.measure_unit,
    array_agg(array[t.indicator_id, t.coefficient] order by t.indicator_id) filter (where t.part = 'numerator') as numerator,
    array_agg(array[t.indicator_id, t.coefficient] order by t.indicator_id) filter (where t.part = 'denominator') as denominator
from catalogue.metric as m
inner join catalogue.rate_term as t on t.catalogue_id = m.catalogue_id and t.rate_code = m.code
where m.kind = 'rate' and m.catalogue_id = (select max(v.catalogue_id) from catalogue.version as v)
group by m.code, m.table_code, m.label_vi, m.formula_vi, m.formula_en, m.measure_unit
order by m.code
