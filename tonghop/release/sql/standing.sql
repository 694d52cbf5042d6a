-- A row where a slice of the candidate is enough: it does not build everything, and the newest verdict on the release that it
-- follows is in force, green and of the same ground. That one was of everything, or of a slice on such a release in its turn.
with verdict as (
    select run.* from ctl.gate_run as run
    inner join build.candidate on run.release_id = candidate.base_release_id
    order by run.run_at desc limit 1
)

select verdict.release_id from verdict
inner join build.scope on not scope.everything
where verdict.ended_at is null and verdict.ground = %(ground)s and not exists (
        select from ctl.gate_result as result
        where result.release_id = verdict.release_id and result.run_at = verdict.run_at
            and result.severity = 'critical' and not result.success
    )
