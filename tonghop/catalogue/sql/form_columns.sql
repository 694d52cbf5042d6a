-- Give every figure of a form table that readers may see somewhere the name of its column, from the first day on or from the day
-- on which its label broke. Who was given one keeps it: of two that are new the later one has the plain name.
with field as (
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

-- the days on which the words of an indicator begin to mean something else
broken as (
    select distinct f.indicator_id, x.broken_on
    from field as f
    inner join catalogue.crosswalk as x on f.indicator_id in (x.old_id, x.new_id)
    where x.catalogue_id = %(catalogue)s and x.is_break and f.valid_from < x.broken_on and f.valid_to >= x.broken_on
),

stretch as (
    select indicator_id, begins_on, lead(begins_on) over (partition by indicator_id order by begins_on) as ends_before
    from (
        select indicator_id, '-infinity'::date as begins_on from field
        union
        select indicator_id, broken_on from broken
    ) as first_day
)

insert into catalogue.form_column (table_code, row_id, indicator_id, begins_on, column_name, is_everywhere)
select
    f.table_code, w.row_id, f.indicator_id, s.begins_on,
    case when not w.is_only then w.row_code || '__' else '' end || f.field_code || case
        when exists (
                select from catalogue.form_column as c
                where c.row_id = w.row_id and c.indicator_id = f.indicator_id
            ) then '__tu_' || to_char(s.begins_on, 'YYYYMMDD')
        when s.ends_before is not null then '__truoc_' || to_char(s.ends_before, 'YYYYMMDD')
        else ''
    end,
    f.is_everywhere
from field as f
inner join form_row as w on w.table_code = f.table_code
inner join stretch as s on s.indicator_id = f.indicator_id
where not f.is_never
    and not exists (
        select from catalogue.form_column as c
        where c.row_id = w.row_id and c.indicator_id = f.indicator_id and c.begins_on = s.begins_on
    )
order by f.table_code, w.ordinal, f.ordinal, f.indicator_id, s.begins_on
