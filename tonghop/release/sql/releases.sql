with newest as (
    select
        release_id,
        count(*) filter (where success) as passed,
        count(*) filter (where not success and severity = 'critical') as failed,
        count(*) filter (where not success and severity = 'warning') as warned
    from ctl.gate_result as result
    where run_at = (
            select max(run_at) from ctl.gate_run as run
            where run.release_id = result.release_id
        )
    group by release_id
)

select
    release.release_id, release.status, release.release_id = pointer.release_id, release.opened_at,
    release.published_at, newest.passed, newest.failed, newest.warned
from ctl.release as release
cross join ctl.current_release as pointer
left join newest on release.release_id = newest.release_id
order by release.release_id desc
