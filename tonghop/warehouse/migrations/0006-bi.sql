-- What BI tools read lies in views/bi, and for who was given it by name in views/star: the published release, grassroots
-- organisations and above, without member grading, discipline and exits. Here is what goes with it that is no view.
-- depends: 0005-marts

create function bi.current_release() returns integer stable language sql security definer set search_path = ''
as $$ select release_id from ctl.current_release $$;
comment on function bi.current_release() is 'Số của bản phát hành hiện tại; 0 khi chưa công bố bản nào / The number of the current release; 0 before any is published';

-- The release that a reader asks for: a number that is none is said, since no rows would read as nothing reported. The current one
-- is always one, as in views/released, 0 before any is published too.
create function ctl.published(release integer) returns integer stable language plpgsql security definer set search_path = '' as $$
declare numbers text;
begin
    if exists (select from ctl.release as r where r.release_id = release and r.status = 'published')
        or exists (select from ctl.current_release as c where c.release_id = release) then
        return release;
    end if;
    select pg_catalog.string_agg(r.release_id::text, ', ' order by r.release_id) into numbers
    from ctl.release as r where r.status = 'published';
    raise exception using errcode = 'invalid_parameter_value', message = pg_catalog.format(
        case when exists (select from ctl.release as r where r.release_id = release and r.status = 'removed')
            then 'bản phát hành %1$s không còn được giữ; còn giữ: %2$s / release %1$s is no longer kept; kept: %3$s'
            else 'bản phát hành %1$s chưa được công bố; đã công bố: %2$s / release %1$s is not published; published: %3$s' end,
        coalesce(release::text, 'null'), coalesce(numbers, 'chưa có'), coalesce(numbers, 'none'));
end $$;
revoke execute on function ctl.published(integer) from public;
-- by its place in functions of star, which are put in place and run as the reader; no reader may name what is in ctl
grant execute on function ctl.published(integer) to tonghop_star, tonghop_auditor;

-- A unit that readers see in a release; of any other there is no figure, and no rows would read as nothing reported. What is withheld
-- and what there is not are answered alike.
create function ctl.shown_unit(unit integer, release integer) returns integer stable language plpgsql security definer set search_path = '' as $$
begin
    if exists (select from star_asof.dim_org_unit as u where u.release_id = ctl.published(release) and u.unit_id = unit) then
        return unit;
    end if;
    raise exception using errcode = 'invalid_parameter_value', message = pg_catalog.format(
        'bản phát hành %2$s không có đơn vị số %1$s; số của các đơn vị ở star.dim_org_unit_as_of(%2$s) / '
        'release %2$s has no unit %1$s; the numbers of units are in star.dim_org_unit_as_of(%2$s)',
        coalesce(unit::text, 'null'), release);
end $$;
revoke execute on function ctl.shown_unit(integer, integer) from public;
grant execute on function ctl.shown_unit(integer, integer) to tonghop_star, tonghop_auditor;

-- A day on which units stood under each other; of any other there is no figure, and no rows would read as nothing reported.
create function ctl.day_of_a_tree(day date) returns date stable language plpgsql security definer set search_path = '' as $$
declare first date;
begin
    if exists (select from current.dim_tree as t where day between t.valid_from and t.valid_to) then
        return day;
    end if;
    select min(t.valid_from) into first from current.dim_tree as t;
    raise exception using errcode = 'invalid_parameter_value', message = pg_catalog.format(
        'ngày %1$s không có cây đơn vị nào; ngày đầu tiên có là %2$s / no units are known on %1$s; the first day of any is %2$s',
        coalesce(day::text, 'null'), coalesce(first::text, '–'));
end $$;
revoke execute on function ctl.day_of_a_tree(date) from public;
grant execute on function ctl.day_of_a_tree(date) to tonghop_star, tonghop_auditor;

-- A stock over time: the sum of what there is on the last day of the group (closing) or on its first (opening). Blanks of that day count
-- as nothing and no earlier day takes its place, so that figures and their coverage are of the same period.
create type ctl.dated as (day timestamp, total numeric);
create function ctl.later(kept ctl.dated, value numeric, day timestamp) returns ctl.dated
immutable parallel safe language plpgsql set search_path = '' as $$
begin
    if day is null or day < kept.day then return kept; end if;
    if day = kept.day then
        if value is not null then kept.total := coalesce(kept.total, 0) + value; end if;
        return kept;
    end if;
    return row(day, value);
end $$;
create function ctl.earlier(kept ctl.dated, value numeric, day timestamp) returns ctl.dated
immutable parallel safe language plpgsql set search_path = '' as $$
begin
    if day is null or day > kept.day then return kept; end if;
    if day = kept.day then
        if value is not null then kept.total := coalesce(kept.total, 0) + value; end if;
        return kept;
    end if;
    return row(day, value);
end $$;
create function ctl.total(kept ctl.dated) returns numeric immutable parallel safe language sql return kept.total;
create aggregate bi.closing (numeric, timestamp)(sfunc = ctl.later, stype = ctl.dated, finalfunc = ctl.total);
create aggregate bi.opening (numeric, timestamp)(sfunc = ctl.earlier, stype = ctl.dated, finalfunc = ctl.total);
comment on aggregate bi.closing (numeric, timestamp) is
'Số thời điểm của kỳ cuối trong nhóm: bi.closing(số, period_end) / A stock as of the last period of the group: bi.closing(figure, period_end)';
comment on aggregate bi.opening (numeric, timestamp) is
'Số đầu kỳ của kỳ đầu trong nhóm: bi.opening(số, period_start) / A stock as of the start of the first period of the group: bi.opening(figure, period_start)';

-- a nation's figures by year are some 300,000 groups: in less memory they are added up on disk
alter role tonghop_bi set work_mem = '64MB';
