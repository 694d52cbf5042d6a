-- the levels of which readers see units, and their names
select distinct on (l.level) l.level, l.rank as level_rank, l.name_vi, l.name_en
from catalogue.level as l
where l.published and l.catalogue_id = (
        select r.catalogue_id from ctl.release as r
        where r.release_id = {{ current_release() }}
    )
order by l.level asc
