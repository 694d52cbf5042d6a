{{
    config(
        unique_key=['period_id', 'unit_id', 'indicator_id', 'row_id', 'tree', 'period_type', 'label_set'],
        meta={'slice': 'touched'},
    )
}}

-- grain: tree x unit x year x type of the periods added up x row x indicator x label_set. From the marts and not from the
-- intermediate models: these hold the slice's periods only, a year's sum needs all of its periods.
with rollup as (
    select * from {{ ref('fct_rollup') }} as r
    where r.release_to = {{ still() }} and r.value is not null and {{ slice('year', 'r.period_id') }}
),

restated as (
    select * from {{ ref('fct_restated') }} as r
    where r.release_to = {{ still() }} and r.value is not null and {{ slice('year', 'r.period_id') }}
),

indicator as (
    select * from {{ ref('dim_indicator') }}
    where release_to = {{ still() }}
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

-- a step by itself, which joins by equality: of the ranges of days by which a year has its periods the planner expects ten times
-- as many, and loops
part as materialized (
    select
        period_id,
        year_id,
        period_type,
        periods_in_year
    from period_in_year
    where {{ slice('period', 'year_id') }}
),

-- of the few indicators whose labels break; all others have one set
label_set as materialized (
    select
        i.indicator_id,
        p.period_id,
        {{ label_set('crosswalk', 'i', 'p') }} as label_set
    from indicator as i
    cross join period as p
    where
        exists (
            select 1
            from crosswalk as x
            where x.is_break and i.indicator_id in (x.old_id, x.new_id)
        )
),

-- each with its slice, so that few units are looked up
stacked as (
    select
        'reported' as tree,
        r.unit_id,
        r.period_id,
        r.row_id,
        r.indicator_id,
        r.value,
        0 as not_restatable,
        r.units_reported,
        r.units_due,
        r.units_unowed,
        y.year_id,
        y.period_type,
        y.periods_in_year
    from rollup as r
    inner join part as y on y.period_id = r.period_id
    where {{ slice('touched', 'y.year_id', 'r.unit_id') }}
    union all
    select
        'today' as tree,
        r.unit_id,
        r.period_id,
        r.row_id,
        r.indicator_id,
        r.value,
        r.not_restatable,
        r.units_reported,
        r.units_due,
        r.units_unowed,
        y.year_id,
        y.period_type,
        y.periods_in_year
    from restated as r
    inner join part as y on y.period_id = r.period_id
    where {{ slice('touched', 'y.year_id', 'r.unit_id') }}
),

lines as (
    select
        s.*,
        i.aggregation,
        coalesce(b.label_set, 1) as label_set
    from stacked as s
    inner join indicator as i on i.indicator_id = s.indicator_id and {{ adds_over_time('i.aggregation') }}
    left join label_set as b on b.indicator_id = s.indicator_id and b.period_id = s.period_id
),

figures as (
    select
        l.*,
        {{ counts_in_year(
            'l', 'l.aggregation', 'l.tree, l.unit_id, l.year_id, l.period_type, l.row_id, l.indicator_id, l.label_set'
        ) }} as is_added
    from lines as l
),

final as (
    select
        f.unit_id,
        f.year_id as period_id,
        f.row_id,
        f.indicator_id,
        f.label_set,
        f.periods_in_year,
        f.tree,
        f.period_type,
        {{ year_sum('f') }},
        {{ release_columns() }}
    from figures as f
    group by f.tree, f.unit_id, f.year_id, f.period_type, f.periods_in_year, f.row_id, f.indicator_id, f.label_set
)

select * from final
