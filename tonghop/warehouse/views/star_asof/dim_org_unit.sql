select
    m.release_id, m.unit_id, m.valid_from, m.valid_to, m.code, m.name, m.sort_key, m.level, m.level_rank,
    m.published, m.parent_id, m.synthetic
from released.dim_org_unit as m
where m.published
    and {{ unit_is_not_withheld('m.unit_id') }}
