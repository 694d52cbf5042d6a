select
    m.tree_id, m.valid_from, m.valid_to, m.is_today
from current.dim_tree as m
