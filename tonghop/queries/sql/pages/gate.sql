select suite, expectation, severity, success, rows_checked, rows_failed, message from ctl.gate_result
where release_id = %(release)s and run_at = (
        select max(newest.run_at) from ctl.gate_result as newest
        where newest.release_id = %(release)s
    )
order by severity, suite, expectation
