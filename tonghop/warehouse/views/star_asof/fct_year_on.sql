-- Sums by year on the tree of any day: as in fct_year, of each period as restated on it. Ask by unit and indicator.
select
    f.release_id, f.tree_id, f.unit_id, f.year_id as period_id, f.row_id, f.indicator_id, f.label_set, f.periods_in_year,
    f.period_type,
    {{ year_sum('f') }}
from (
    select
        r.*, y.year_id, y.period_type, y.periods_in_year, l.label_set,
        {{ counts_in_year(
            'r', 'i.aggregation',
            'r.release_id, r.tree_id, r.unit_id, y.year_id, y.period_type, r.row_id, r.indicator_id, l.label_set'
        ) }} as is_added
    from star_asof.fct_restated_on as r
    inner join catalogue.period_in_year as y on y.period_id = r.period_id
    inner join released.dim_indicator as i
        on i.indicator_id = r.indicator_id and i.release_id = r.release_id and {{ adds_over_time('i.aggregation') }}
    cross join
        lateral (
            select {{ label_set('released.bridge_label', 'r', 'p', 'step.release_id = r.release_id') }} as label_set
            from catalogue.period as p
            where p.period_id = r.period_id
        ) as l
    where r.value is not null
) as f
group by
    f.release_id, f.tree_id, f.unit_id, f.year_id, f.period_type, f.periods_in_year, f.row_id, f.indicator_id, f.label_set
