-- grain: release x tree x figure, on both kinds of trees. Ask by release, unit, period and indicator; and by tree_id, which is
-- null for the tree of the period's end.
select
    each.release_id, each.tree_id, each.unit_id, each.period_id, each.row_id, each.indicator_id,
    count(each.state) as units,
    count(*) filter (where each.is_due) as due,
    count(*) filter (where each.is_due and each.is_received) as reported,
    count(*) filter (where not each.is_due) as unowed,
    count(*) filter (where each.is_due and each.is_received and {{ is_restated('each') }}) as restated,
    count(*) filter (where each.is_due and each.is_received and not each.is_whole) as not_restatable,
    count(*) filter (where each.state = 'value') as value,
    count(*) filter (where each.state = 'zero') as zero,
    count(*) filter (where each.state = 'blank') as blank,
    count(*) filter (where each.state = 'not_applicable') as not_applicable,
    count(*) filter (where each.state = 'nil') as nil,
    count(*) filter (where each.state = 'not_asked') as not_asked,
    count(*) filter (where each.state = 'missing') as missing,
    count(*) filter (where each.state = 'not_due') as not_due
from (
    select
        s.release_id, s.tree_id, s.unit_id, s.period_id, s.row_id, s.indicator_id, s.is_whole, s.is_same,
        {{ owes_figures('q') }} as is_due, q.is_received, f.value is not null as has_value,
        marts.state_of(f.state, f.value, q.is_nil, q.is_received, q.is_owed, owing.unit_id is not null) as state
    from marts.figure_unit as s
    left join marts.fct_observation as f
        on f.unit_id = s.part_unit_id and f.period_id = s.period_id and f.row_id = s.row_id and f.indicator_id = s.indicator_id
            and f.scope = 'own' and {{ holds_in('f', 's.release_id') }}
    left join marts.fct_reporting as q
        on q.unit_id = s.part_unit_id and q.period_id = s.period_id and q.table_code = s.table_code
            and q.scope = 'own' and {{ holds_in('q', 's.release_id') }}
    left join marts.could_report as owing
        on owing.catalogue_id = s.catalogue_id and owing.unit_id = s.part_unit_id and owing.table_code = s.table_code
            and s.ends_on between owing.valid_from and owing.valid_to
) as each
group by each.release_id, each.tree_id, each.unit_id, each.period_id, each.row_id, each.indicator_id
-- what is summed when asked is a figure where anything is summed
having each.tree_id is null or bool_or(each.has_value)
