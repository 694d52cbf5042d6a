select
    m.period_id, m.code, m.scheme, m.period_type, m.starts_on, m.ends_on, m.year
from current.dim_period as m
