-- The open candidate, if there is one, and the release that it is to follow.
select
    release_id, cutoff_seq, catalogue_id, opened_at,
    {{ current_release() }} as base_release_id
from ctl.release
where status = 'candidate'
