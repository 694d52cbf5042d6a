select
    m.release_id, m.tree_id, m.valid_from, m.valid_to, m.is_today
from released.dim_tree as m
