-- of form tables and their fields, as the newest catalogue that has them calls them
(
    select distinct on (t.table_code) lower(t.table_code), null, t.name_vi || ' / ' || t.name_en
    from catalogue.form_table as t
    order by t.table_code asc, t.catalogue_id desc, t.form_version desc
)
union all
(
    select distinct on (f.indicator_id)
        lower(i.table_code), i.field_code,
        f.label_vi || ' (' || f.measure_unit || ') / ' || f.label_en || ' (' || f.measure_unit || ')'
    from catalogue.field as f
    join catalogue.indicator as i on i.indicator_id = f.indicator_id
    order by f.indicator_id asc, f.catalogue_id desc, f.form_version desc
)
