-- amounts stand where they are those of published units; of others only the numbers of units
select
    g.release_id, g.unit_id, g.period_id, g.row_id, g.indicator_id, g.claimed, g.summed, g.gap, g.own,
    case when h.is_shown then g.late end as late,
    case when h.is_shown then g.changed end as changed,
    case when h.is_shown then g.rest end as rest,
    cardinality(g.late_units) as late_units, cardinality(g.changed_units) as changed_units,
    cardinality(g.missing_units) as missing_units
from marts.claim_gap as g
cross join
    lateral (
        select not exists (
            select from unnest(g.late_units || g.changed_units) as unit (unit_id)
            where not {{ unit_is_released('unit.unit_id', 'g.release_id') }}
        ) as is_shown
    ) as h
where {{ unit_is_released('g.unit_id', 'g.release_id') }}
    and {{ indicator_is_released('g.indicator_id', 'g.release_id') }}
