-- What every population starts from: the candidate under the names of the marts (marts.x itself holds every release), and what
-- ought to be in it, drawn from the ledger and the catalogue without the models' help.
-- Of a slice it is what the candidate may have changed. A line that ends in the word slice is there only then: each population
-- is one text for both. `kept` rows are the candidate's whether or not they are asked about: the sums of the next published units
-- below, which are taken in place of what is below them. Where everything is asked no sum is taken (gate.below), and each is made
-- up of its facts.
-- Steps are not materialized, so that a population pays only for those that it names.
with recursive candidate as (
    select release_id, cutoff_seq, catalogue_id, base_release_id from gate.release
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
dim_tree as not materialized (
    select * from candidate.dim_tree
),
bridge_restated as not materialized (
    select * from candidate.bridge_restated
),
fct_observation as not materialized (
    select * from candidate.fct_observation
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_rollup as not materialized (
    select * from candidate.fct_rollup
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_restated as not materialized (
    select * from candidate.fct_restated
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_year as not materialized (
    select * from candidate.fct_year
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_rate as not materialized (
    select * from candidate.fct_rate
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_reporting as not materialized (
    select * from candidate.fct_reporting
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_completeness as not materialized (
    select * from candidate.fct_completeness
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_sheet as not materialized (
    select * from candidate.fct_sheet
    where release_to = 2147483647 and (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
),
fct_finding as not materialized (
    select * from candidate.fct_finding
    where release_to = 2147483647 -- slice
        and ( -- slice
            (period_id, unit_id) in (select period_id, unit_id from build.touched) -- slice
            or period_id is null or unit_id is null -- slice
        ) -- slice
),
kept_observation as not materialized (
    select * from candidate.fct_observation
    where release_to = 2147483647 -- slice
),
kept_rollup as not materialized (
    select * from candidate.fct_rollup
    where release_to = 2147483647 -- slice
),
kept_restated as not materialized (
    select * from candidate.fct_restated
    where release_to = 2147483647 -- slice
),
kept_rate as not materialized (
    select * from candidate.fct_rate
    where release_to = 2147483647 -- slice
),
kept_reporting as not materialized (
    select * from candidate.fct_reporting
    where release_to = 2147483647 -- slice
),
kept_completeness as not materialized (
    select * from candidate.fct_completeness
    where release_to = 2147483647 -- slice
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
            and receipt_id in (select asked.receipt_id from gate.receipt as asked) -- slice
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
    inner join intake.receipt as receipt
        on waiver.period_id = receipt.period_id and ctl.local_day(receipt.received_at) <= waiver.valid_to
    inner join intake.ledger as accepted
        on receipt.receipt_id = accepted.receipt_id and accepted.act = 'accepted'
            and accepted.seq > given.seq and (ended.seq is null or accepted.seq < ended.seq)
    where receipt.receipt_id in (select asked.receipt_id from gate.receipt as asked) -- slice
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
-- units as they stood at the end of each period that is asked about
unit_at as not materialized (
    select period.period_id, period.ends_on, unit.unit_id, unit.level, unit.also_level, unit.published
    from gate.period as period
    inner join gate.unit as unit using (tree)
),
published_unit as not materialized (
    select unit_id, period_id from unit_at
    where published
),
-- what is in the sums of a unit at the period's end, itself among it
part as not materialized (
    select period.period_id, below.unit_id, below.part_id, below.is_sum
    from gate.period as period
    inner join gate.below as below using (tree)
    inner join build.touched as touched on period.period_id = touched.period_id and below.unit_id = touched.unit_id -- slice
),
-- the same on today's tree
part_today as not materialized (
    select period.period_id, below.unit_id, below.part_id, below.is_sum
    from gate.asked as asked
    inner join gate.below as below on asked.today = below.tree
    cross join gate.period as period
    inner join build.touched as touched on period.period_id = touched.period_id and below.unit_id = touched.unit_id -- slice
),
published_today as not materialized (
    select unit.unit_id from gate.asked as asked
    inner join gate.unit as unit on asked.today = unit.tree and unit.published
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
-- the sums of the periods that make years, on either tree
line as not materialized (
    select
        'reported' as tree, unit_id, period_id, row_id, indicator_id, value, 0 as not_restatable, units_reported, units_due,
        units_unowed
    from kept_rollup
    where (period_id, unit_id) in (select period_id, unit_id from gate.year_part) -- slice
    union all
    select 'today', unit_id, period_id, row_id, indicator_id, value, not_restatable, units_reported, units_due, units_unowed
    from kept_restated
    where (period_id, unit_id) in (select period_id, unit_id from gate.year_part) -- slice
)
