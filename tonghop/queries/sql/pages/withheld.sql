select
    i.table_code, string_agg(i.label_vi, '; ' order by i.indicator_id) as labels_vi,
    string_agg(i.label_en, '; ' order by i.indicator_id) as labels_en
from in_release.dim_indicator(%(release)s) as i
where i.shown_from is not null
group by i.table_code
order by i.table_code
