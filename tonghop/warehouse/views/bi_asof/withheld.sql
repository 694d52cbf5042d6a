-- that an indicator is withheld is no secret: without this it could not be told from one that nobody has reported
select r.release_id, i.table_code, i.code, i.label_vi, i.label_en
from marts.dim_indicator as i
inner join ctl.release as r on {{ holds_in('i', 'r.release_id') }}
where r.status = 'published' and not exists (
        select from bi_asof.dim_indicator as shown
        where shown.release_id = r.release_id and shown.indicator_id = i.indicator_id
    )
