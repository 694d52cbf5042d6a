-- The release that the gate asks, and the one that readers see meanwhile.
select
    release.release_id, release.cutoff_seq, release.catalogue_id, release.opened_at,
    {{ current_release() }} as base_release_id
from ctl.release as release
inner join gate.asked using (release_id)
