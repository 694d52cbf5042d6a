-- What every population starts from: the candidate, whole, under the names of the marts (marts.x itself holds every release),
-- and what ought to be in it, drawn from the ledger and the catalogue without the models' help.
-- Steps are not materialized, so that a population pays only for those that it names.
with recursive candidate as (
    select release_id, cutoff_seq, catalogue_id, base_release_id from build.candidate
),
dim_org_unit as not materialized (
    select * from candidate.dim_org_unit
),
dim_indicator as not materialized (
    select * from candidate.dim_indicator
),
dim_metric as not materialized (
    select * from candidate.dim_metric
),
dim_period as not materialized (
    select * from candidate.dim_period
),
fct_observation as not materialized (
    select * from candidate.fct_observation
),
fct_rollup as not materialized (
    select * from candidate.fct_rollup
),
fct_restated as not materialized (
    select * from candidate.fct_restated
),
fct_year as not materialized (
    select * from candidate.fct_year
),
dim_tree as not materialized (
    select * from candidate.dim_tree
),
bridge_restated as not materialized (
    select * from candidate.bridge_restated
),
fct_rate as not materialized (
    select * from candidate.fct_rate
),
fct_reporting as not materialized (
    select * from candidate.fct_reporting
),
fct_completeness as not materialized (
    select * from candidate.fct_completeness
),
dim_place as not materialized (
    select * from candidate.dim_place
),
fct_sheet as not materialized (
    select * from candidate.fct_sheet
),
fct_finding as not materialized (
    select * from candidate.fct_finding
),
-- every submission accepted by the cut-off, and whether it still counts there: its last such act decides
submission as not materialized (
    select
        act.receipt_id as submission_id, act.last = 'accepted' as live, act.cells,
        receipt.unit_id, receipt.period_id, receipt.form_code, receipt.form_version, receipt.scope
    from (
        select
            receipt_id, (array_agg(act order by seq desc))[1] as last,
            (array_agg(cells order by seq desc) filter (where act = 'accepted'))[1] as cells
        from intake.ledger
        where seq <= (select cutoff_seq from candidate) and act in ('accepted', 'superseded', 'withdrawn')
        group by receipt_id
        having bool_or(act = 'accepted')
    ) as act
    inner join intake.receipt as receipt using (receipt_id)
),
-- the rule that a waiver let a submission break, for one unit: given before the submission was accepted and not ended by then, to
-- what was received by its last day
waived as not materialized (
    select accepted.receipt_id as submission_id, waiver.rule, waiver.unit_id
    from intake.waiver as waiver
    inner join intake.ledger as given on waiver.waiver_id = given.waiver_id and given.act = 'waived'
    left join intake.ledger as ended on waiver.waiver_id = ended.waiver_id and ended.act = 'waiver_ended'
    inner join
        intake.receipt
            as receipt
        on waiver.period_id = receipt.period_id
            and ctl.local_day(receipt.received_at) <= waiver.valid_to
    inner join intake.ledger as accepted on receipt.receipt_id = accepted.receipt_id and accepted.act = 'accepted'
        and accepted.seq > given.seq and (ended.seq is null or accepted.seq < ended.seq)
),
period as not materialized (
    select * from catalogue.period
),
-- the candidate's catalogue
unit_version as not materialized (
    select * from catalogue.unit_version
    where catalogue_id = (select catalogue_id from candidate)
),
level as not materialized (
    select * from catalogue.level
    where catalogue_id = (select catalogue_id from candidate)
),
form_table as not materialized (
    select * from catalogue.form_table
    where catalogue_id = (select catalogue_id from candidate)
),
field as not materialized (
    select * from catalogue.field
    where catalogue_id = (select catalogue_id from candidate)
),
crosswalk as not materialized (
    select * from catalogue.crosswalk
    where catalogue_id = (select catalogue_id from candidate)
),
succession as not materialized (
    select * from catalogue.succession
    where catalogue_id = (select catalogue_id from candidate)
),
check_rule as not materialized (
    select * from catalogue.check_rule
    where catalogue_id = (select catalogue_id from candidate)
),
check_term as not materialized (
    select * from catalogue.check_term
    where catalogue_id = (select catalogue_id from candidate)
),
rate_term as not materialized (
    select * from catalogue.rate_term
    where catalogue_id = (select catalogue_id from candidate)
),
-- each unit that has facts in a period, with itself and all above it as the tree stood at the period's end; union, not
-- union all, so that a circle in the tree ends
tree (period_id, unit_id, ancestor_id) as (
    select distinct period_id, unit_id, unit_id as ancestor_id from fct_observation
    union
    select tree.period_id, tree.unit_id, unit_version.parent_id
    from tree
    inner join period on tree.period_id = period.period_id
    inner join unit_version
        on tree.ancestor_id = unit_version.unit_id
            and period.ends_on between unit_version.valid_from and unit_version.valid_to
    where unit_version.parent_id is not null
),
-- today's tree, from the catalogue alone; each unit with itself and all above it
line_today (unit_id, ancestor_id) as (
    select unit_version.unit_id, unit_version.unit_id as ancestor_id from unit_version
    where (
        select valid_from from dim_tree
        where is_today
    ) between unit_version.valid_from and unit_version.valid_to
    union
    select line_today.unit_id, unit_version.parent_id
    from line_today
    inner join unit_version
        on line_today.ancestor_id = unit_version.unit_id
            and (
                select valid_from from dim_tree
                where is_today
            ) between unit_version.valid_from and unit_version.valid_to
    where unit_version.parent_id is not null
),
-- the trees on which everything lands: on a tree from before its line had a root, a unit has nothing to land on
whole_tree as not materialized (
    select * from dim_tree
    where valid_from >= (
            select max(root.since) from (
                select unit_id, min(valid_from) as since from unit_version
                group by unit_id
                having bool_and(parent_id is null)
            ) as root
        )
),
-- unit and period where the unit is of a published level
published_unit as not materialized (
    select unit_version.unit_id, period.period_id
    from unit_version
    inner join level on unit_version.level = level.level and level.published
    inner join period on period.ends_on between unit_version.valid_from and unit_version.valid_to
)
