select w.indicator_id from current.dim_indicator as w
where w.shown_from is not null
