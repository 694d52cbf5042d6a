select tree_id, unit_id, period_id, row_id, rate_code, numerator, denominator, value, not_restatable from bi_asof.fct_rate_on
where release_id = {{ current_release() }}
