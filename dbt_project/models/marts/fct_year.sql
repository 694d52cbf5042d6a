{{
    config(
        unique_key=['period_id', 'unit_id', 'indicator_id', 'row_id', 'tree', 'period_type', 'label_set'],
        meta={'slice': 'touched'},
    )
}}

-- grain: tree x unit x year x type of the periods added up x row x indicator x label_set. From the marts and not from the
-- intermediate models: these hold the slice's periods only, a year's sum needs all of its periods.
with rollup as (
    select * from {{ ref('fct_rollup') }}
),

restated as (
    select * from {{ ref('fct_restated') }}
),

indicator as (
    select * from {{ ref('dim_indicator') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

period_in_year as (
    select * from {{ ref('stg_period_in_year') }}
),

crosswalk as (
    select * from {{ ref('stg_crosswalk') }}
),

-- how many changes of its labels that no step bridges lie before a period ends
label_break as (
    select
        i.indicator_id,
        p.period_id,
        count(distinct x.broken_on)::integer as breaks
    from crosswalk as x
    inner join indicator as i on i.indicator_id in (x.old_id, x.new_id) and i.release_to = 2147483647
    inner join period as p on p.ends_on >= x.broken_on
    where x.is_break
    group by i.indicator_id, p.period_id
),

stacked as (
    select
        'reported' as tree,
        unit_id,
        period_id,
        row_id,
        indicator_id,
        value,
        0 as not_restatable,
        units_reported,
        units_due
    from rollup
    where release_to = 2147483647
    union all
    select
        'today' as tree,
        unit_id,
        period_id,
        row_id,
        indicator_id,
        value,
        not_restatable,
        units_reported,
        units_due
    from restated
    where release_to = 2147483647
),

lines as (
    select
        s.*,
        y.year_id,
        y.period_type,
        y.periods_in_year,
        i.aggregation,
        1 + coalesce(b.breaks, 0) as label_set
    from stacked as s
    inner join period_in_year as y on y.period_id = s.period_id
    inner join indicator as i on i.indicator_id = s.indicator_id and i.release_to = 2147483647
    left join label_break as b on b.indicator_id = s.indicator_id and b.period_id = s.period_id
    where s.value is not null and {{ slice('touched', 'y.year_id', 's.unit_id') }}
),

-- flows are added up; of a stock, and of a count of those who are something, the last period stands for the year
figures as (
    select
        *,
        aggregation = 'flow' or period_id = max(period_id) over (
            partition by tree, unit_id, year_id, period_type, row_id, indicator_id, label_set
        ) as is_added
    from lines
),

final as (
    select
        unit_id,
        year_id as period_id,
        row_id,
        indicator_id,
        label_set,
        count(*)::integer as periods,
        periods_in_year,
        max(period_id) as last_period_id,
        (sum(units_reported) filter (where is_added))::integer as reports_received,
        (sum(units_due) filter (where is_added))::integer as reports_due,
        tree,
        period_type,
        trim_scale(sum(value) filter (where is_added)) as value,
        trim_scale(sum(not_restatable) filter (where is_added)) as not_restatable,
        {{ release_columns() }}
    from figures
    group by tree, unit_id, year_id, period_type, periods_in_year, row_id, indicator_id, label_set
)

select * from final
