-- What BI tools read lies in views/bi: the star at the published release, grassroots organisations and above, without member
-- grading, discipline and exits. Here is what goes with it that is no view.
-- depends: 0005-marts

create function bi.current_release() returns integer stable language sql security definer set search_path = ''
as $$ select release_id from ctl.current_release $$;

-- a nation's figures by year are some 300,000 groups: in less memory they are added up on disk
alter role tonghop_bi set work_mem = '64MB';
