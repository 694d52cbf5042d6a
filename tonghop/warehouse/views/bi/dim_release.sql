select release_id, published_at, release_id = {{ current_release() }} as is_current
from ctl.release
where status = 'published'
