select
    m.unit_id, m.valid_from, m.valid_to, m.code, m.name, m.sort_key, m.level, m.level_rank, m.published, m.parent_id,
    m.synthetic
from current.dim_org_unit as m
where m.published
