-- grain: rule x instance x form version x rule version x unit x period x row code x scope: the sum of a rule's terms on the
-- slice's accepted figures, where every term is known. Nothing is guessed: a rule with a term that is blank or that nobody has
-- given has no sum. Not applicable counts as nothing to add, as it does on arrival, as long as some term has a value. Terms at
-- `children` take the sum of the unit's own figure and all below it, and are compared with its claim for the whole; those
-- `elsewhere`, in another table of one row only, are added to each row. A table of its own, because without its statistics the
-- planner takes the sums for one row and loops over all units.
with observation as (
    select * from {{ ref('int_observation') }}
    where state <> 'blank'
),

figure_below as (
    select * from {{ ref('int_rollup') }}
),

period as (
    select * from {{ ref('stg_period') }}
),

period_link as (
    select * from {{ ref('int_period_link') }}
),

landing as (
    select * from {{ ref('stg_landing') }}
),

form_row as (
    select * from {{ ref('stg_form_row') }}
),

check_term as (
    select * from {{ ref('stg_check_term') }}
),

check_rule as (
    select * from {{ ref('stg_check_rule') }}
),

life as (
    select distinct
        unit_id,
        facts_from,
        facts_to
    from landing
),

row_code as (
    select distinct
        row_id,
        row_code
    from form_row
),

-- not joined with the sizes of their rules: the planner takes that for one row, and loops over all figures for each term
sized_term as (
    select
        *,
        count(*) over rule_terms as terms,
        bool_or(term_at = 'same') over rule_terms as has_same
    from check_term
    window rule_terms as (partition by rule, instance, form_version, rule_version)
),

asked as (
    select distinct
        term_at,
        indicator_id
    from check_term
),

placed_same as (
    select
        'same' as term_at,
        o.form_version,
        o.indicator_id,
        o.unit_id,
        o.period_id,
        o.row_id,
        o.scope,
        o.value,
        o.submission_id,
        o.sheet,
        o.cell
    from observation as o
    where {{ slice('touched', 'o.period_id', 'o.unit_id') }}
),

beside as (
    select distinct
        t.indicator_id,
        w.row_id,
        w.row_code
    from check_term as t
    inner join check_rule as r
        on
            r.rule = t.rule and r.instance = t.instance and r.form_version = t.form_version
            and r.rule_version = t.rule_version
    inner join form_row as w on w.table_code = r.table_code and w.form_version = r.form_version
    where t.term_at = 'elsewhere'
),

placed_elsewhere as (
    -- tables that ask for the same figure may have rows of the same code
    select distinct on (o.indicator_id, o.unit_id, o.period_id, b.row_code, o.scope)
        'elsewhere' as term_at,
        null::integer as form_version,
        o.indicator_id,
        o.unit_id,
        o.period_id,
        b.row_id,
        o.scope,
        o.value,
        null::integer as submission_id,
        null as sheet,
        null as cell
    from beside as b
    inner join observation as o on o.indicator_id = b.indicator_id
    inner join row_code as w on w.row_id = o.row_id and w.row_code in (b.row_code, 'all')
    where {{ slice('touched', 'o.period_id', 'o.unit_id') }}
    order by o.indicator_id, o.unit_id, o.period_id, b.row_code, o.scope, b.row_id
),

placed_previous as (
    select distinct on (o.indicator_id, o.unit_id, k.period_id, o.row_id, o.scope)
        a.term_at,
        null::integer as form_version,
        o.indicator_id,
        o.unit_id,
        k.period_id,
        o.row_id,
        o.scope,
        o.value,
        null::integer as submission_id,
        null as sheet,
        null as cell
    from asked as a
    inner join observation as o on o.indicator_id = a.indicator_id
    inner join period_link as k on k.other_id = o.period_id and k.term_at = a.term_at
    inner join period as p on p.period_id = k.period_id
    -- a unit that took others in or gave a part away on the way starts anew; one that was only renamed or moved does not
    inner join life as l
        on l.unit_id = o.unit_id and l.facts_from < p.starts_on and l.facts_to >= p.ends_on
    where a.term_at = 'previous' and {{ slice('touched', 'k.period_id', 'o.unit_id') }}
    order by o.indicator_id, o.unit_id, k.period_id, o.row_id, o.scope, k.preference
),

placed_months as (
    select
        a.term_at,
        null::integer as form_version,
        o.indicator_id,
        o.unit_id,
        k.period_id,
        o.row_id,
        o.scope,
        sum(o.value) as value,
        null::integer as submission_id,
        null as sheet,
        null as cell
    from asked as a
    inner join observation as o on o.indicator_id = a.indicator_id
    inner join period_link as k on k.other_id = o.period_id and k.term_at = a.term_at
    where a.term_at = 'months' and {{ slice('touched', 'k.period_id', 'o.unit_id') }}
    group by a.term_at, o.indicator_id, o.unit_id, k.period_id, o.row_id, o.scope
    having count(*) = 3
),

placed_children as (
    select
        'children' as term_at,
        null::integer as form_version,
        r.indicator_id,
        r.unit_id,
        r.period_id,
        r.row_id,
        'rollup' as scope,
        r.value,
        null::integer as submission_id,
        null as sheet,
        null as cell
    from figure_below as r
    where r.has_below
),

placed as (
    select * from placed_same
    union all
    select * from placed_elsewhere
    union all
    select * from placed_previous
    union all
    select * from placed_months
    union all
    select * from placed_children
),

terms as (
    select
        t.rule,
        t.instance,
        t.form_version,
        t.rule_version,
        t.terms,
        t.has_same,
        t.coefficient,
        t.indicator_id,
        f.unit_id,
        f.period_id,
        w.row_code,
        f.scope,
        f.value,
        f.submission_id,
        f.sheet,
        f.cell
    from placed as f
    inner join sized_term as t
        on
            t.indicator_id = f.indicator_id and t.term_at = f.term_at
            and (f.form_version is null or t.form_version = f.form_version)
    inner join row_code as w on w.row_id = f.row_id
),

final as (
    select
        t.rule,
        t.instance,
        t.form_version,
        t.rule_version,
        t.unit_id,
        t.period_id,
        t.row_code,
        t.scope,
        t.has_same,
        sum(t.coefficient * coalesce(t.value, 0)) as left_side,
        max(t.submission_id) as submission_id,
        -- one cell of the report to look at first
        (array_agg(t.sheet order by t.indicator_id) filter (where t.sheet is not null))[1] as sheet,
        (array_agg(t.cell order by t.indicator_id) filter (where t.cell is not null))[1] as cell
    from terms as t
    group by
        t.rule, t.instance, t.form_version, t.rule_version, t.unit_id, t.period_id, t.row_code, t.scope, t.has_same, t.terms
    having count(*) = t.terms and count(t.value) > 0
)

select * from final
