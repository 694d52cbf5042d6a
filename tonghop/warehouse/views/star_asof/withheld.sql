-- that an indicator is withheld is no secret: without this view it would look like one that nobody has reported
select i.release_id, i.table_code, i.code, i.label_vi, i.label_en
from released.dim_indicator as i
where not exists (
        select from star_asof.dim_indicator as shown
        where shown.release_id = i.release_id and shown.indicator_id = i.indicator_id
    )
