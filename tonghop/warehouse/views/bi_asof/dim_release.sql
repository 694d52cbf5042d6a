select release_id, published_at, true as is_current from ctl.release
where status = 'published'
