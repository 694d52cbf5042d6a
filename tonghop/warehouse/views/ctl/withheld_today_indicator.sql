select w.indicator_id from marts.dim_indicator as w
inner join ctl.current_release as c on {{ holds_in('w', 'c.release_id') }}
where w.restricted
