select release_id, published_at, release_id = (select release_id from ctl.current_release) as is_current
from ctl.release
where status = 'published'
