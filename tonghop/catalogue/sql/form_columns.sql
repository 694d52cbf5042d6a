-- Give every figure of a form table that readers may see somewhere, and every part of a rate of such figures, the name of its
-- column, from the first day on or from the day on which its label broke. Who was given one keeps it: of two that are new the
-- later one has the plain name.
with indicator as (
    select
        f.indicator_id, i.table_code, i.field_code, min(form.valid_from) as valid_from, max(form.valid_to) as valid_to,
        (array_agg(f.ordinal order by f.form_version desc))[1] as ordinal,
        coalesce(bool_or(f.shown_from = 'never'), false) as is_never, bool_and(f.shown_from is null) as is_everywhere
    from catalogue.field as f
    inner join catalogue.indicator as i on i.indicator_id = f.indicator_id
    inner join (
        select catalogue_id, t.table_code, t.form_version, v.valid_from, v.valid_to
        from catalogue.form_table as t
        inner join catalogue.form as v using (catalogue_id, form_code, form_version)
    ) as form on form.catalogue_id = f.catalogue_id and form.table_code = i.table_code and form.form_version = f.form_version
    where f.catalogue_id = %(catalogue)s
    group by f.indicator_id, i.table_code, i.field_code
),

form_row as (
    select w.row_id, w.table_code, w.row_code, max(t.ordinal) as ordinal, count(*) over (partition by w.table_code) = 1 as is_only
    from catalogue.form_table_row as t
    inner join catalogue.form_row as w on w.row_id = t.row_id
    where t.catalogue_id = %(catalogue)s
    group by w.row_id, w.table_code, w.row_code
),

part as (
    select
        m.code as rate_code, m.table_code, m.shown_from, t.part, t.over_time,
        -- as long as all of its terms are there
        max(max(i.valid_from)) over (partition by m.code) as valid_from,
        min(min(i.valid_to)) over (partition by m.code) as valid_to, count(*) over (partition by m.code, t.part) > 1 as is_mixed,
        regexp_replace(m.code, '^.*[.]', '') || '_' || t.part as name
    from catalogue.metric as m
    inner join catalogue.rate_term as t on t.catalogue_id = m.catalogue_id and t.rate_code = m.code
    inner join indicator as i on i.indicator_id = t.indicator_id
    where m.catalogue_id = %(catalogue)s
    group by m.code, m.table_code, m.shown_from, t.part, t.over_time
),

-- what stands in a row of fct_sheet, but for the number of the form row; figures come before rates
field as (
    select
        indicator_id, null as rate_code, null as part, null as over_time, indicator_id::text as figure, table_code,
        field_code as name, valid_from, valid_to, ordinal, is_never, is_everywhere
    from indicator
    union all
    select
        null, rate_code, part, over_time, rate_code || '.' || part || '.' || over_time, table_code,
        name || case when is_mixed then '_' || over_time else '' end, valid_from, valid_to, null,
        coalesce(shown_from = 'never', false), shown_from is null
    from part
),

-- the days on which the words of a figure, or those of a rate's term, begin to mean something else
broken as (
    select distinct f.figure, x.broken_on
    from field as f
    left join catalogue.rate_term as t on t.rate_code = f.rate_code and t.catalogue_id = %(catalogue)s
    inner join catalogue.crosswalk as x on coalesce(f.indicator_id, t.indicator_id) in (x.old_id, x.new_id)
    where x.catalogue_id = %(catalogue)s and x.is_break and f.valid_from < x.broken_on and f.valid_to >= x.broken_on
),

stretch as (
    select figure, begins_on, lead(begins_on) over (partition by figure order by begins_on) as ends_before
    from (
        select figure, '-infinity'::date as begins_on from field
        union
        select figure, broken_on from broken
    ) as first_day
)

insert into catalogue.form_column
(table_code, row_id, indicator_id, rate_code, part, over_time, begins_on, column_name, is_everywhere)
select
    f.table_code, w.row_id, f.indicator_id, f.rate_code, f.part, f.over_time, s.begins_on,
    case when not w.is_only then w.row_code || '__' else '' end || f.name || case
        when exists (
                select from catalogue.form_column as c
                where c.key = w.row_id || '.' || f.figure
            ) then '__tu_' || to_char(s.begins_on, 'YYYYMMDD')
        when s.ends_before is not null then '__truoc_' || to_char(s.ends_before, 'YYYYMMDD')
        else ''
    end,
    f.is_everywhere
from field as f
inner join form_row as w on w.table_code = f.table_code
inner join stretch as s on s.figure = f.figure
where not f.is_never
    and not exists (
        select from catalogue.form_column as c
        where c.key = w.row_id || '.' || f.figure and c.begins_on = s.begins_on
    )
order by
    f.table_code asc, f.indicator_id is null asc, w.ordinal asc, f.ordinal asc, f.indicator_id asc, f.rate_code asc, f.part desc,
    s.begins_on asc
