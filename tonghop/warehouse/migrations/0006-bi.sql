-- What BI tools read: the star at the published release, grassroots organisations and above, without member grading,
-- discipline and exits. The views run with their owner's rights, so the reader needs none below them; wide views, one a
-- form table, are added by dbt's macro when the catalogue changes. security_barrier: otherwise a condition that stops with an
-- error (name::int > 0) runs before the view's own, and its message quotes what is withheld.
-- depends: 0005-marts

create function bi.current_release() returns integer stable language sql security definer set search_path = ''
as $$ select release_id from ctl.current_release $$;

create view bi.dim_release with (security_barrier) as
select release_id, published_at, release_id = (select release_id from ctl.current_release) as is_current
from ctl.release where status = 'published';

do $$
declare
    t text;
    cols text;
    -- estimates better than a plain range: see docs/decisions
    held text := replace('(%1$s.release_from > N and %1$s.release_to > N) is not true and (%1$s.release_from <= N and %1$s.release_to <= N) is not true',
                         'N', '(select c.release_id from ctl.current_release c)');
    now_ text := format(held, 'm');
    -- asked of the marts and not of the views: the planner knows nothing of what comes out of a view with a security barrier
    shown_unit text := 'exists (select from marts.dim_org_unit u where u.unit_id = m.unit_id and u.published and ' || format(held, 'u') || ')';
    shown_indicator text := 'exists (select from marts.dim_indicator i where i.indicator_id = m.indicator_id and not i.restricted and ' || format(held, 'i') || ')';
    rules jsonb := jsonb_build_object(
        'dim_org_unit', 'published',
        'dim_period', 'true', 'dim_form', 'true', 'dim_form_row', 'true',
        'dim_indicator', 'not restricted',
        'dim_submission', shown_unit,
        'bridge_org_tree', shown_unit,
        'dim_tree', 'true',
        'bridge_label', replace(shown_indicator, 'm.indicator_id', 'm.old_id') || ' and ' || replace(shown_indicator, 'm.indicator_id', 'm.new_id'),
        'bridge_restated', shown_unit || ' and ' || replace(shown_unit, 'm.unit_id', 'm.lands_on_id'),
        'fct_restated', shown_unit || ' and ' || shown_indicator,
        'fct_observation', shown_unit || ' and ' || shown_indicator,
        'fct_rollup', shown_unit || ' and ' || shown_indicator,
        -- of the sums of years, most rows are of earlier releases: this, unlike the above, is looked up in their index
        'fct_year', shown_unit || ' and ' || shown_indicator || ' and m.release_to > (select c.release_id from ctl.current_release c)',
        'fct_reporting', shown_unit,
        'fct_completeness', shown_unit);
begin
    foreach t in array array['dim_org_unit', 'dim_period', 'dim_form', 'dim_form_row', 'dim_indicator', 'dim_submission',
                             'bridge_org_tree', 'dim_tree', 'bridge_label', 'bridge_restated', 'fct_observation', 'fct_rollup', 'fct_restated',
                             'fct_year', 'fct_reporting', 'fct_completeness'] loop
        select string_agg(quote_ident(column_name), ', ' order by ordinal_position) into cols
        from information_schema.columns where table_schema = 'marts' and table_name = t and column_name not in ('release_from', 'release_to');
        execute format('create view bi.%I with (security_barrier) as select %s from marts.%I m where %s and %s', t, cols, t, now_, rules ->> t);
    end loop;
    execute 'create view bi.fct_rate with (security_barrier) as select unit_id, period_id, row_id, rate_code, basis, numerator, denominator, value from marts.fct_rate m where '
        || now_ || ' and ' || shown_unit || ' and not exists (select from catalogue.rate r where r.rate_code = m.rate_code and r.restricted)';
    -- a finding shows that a rule failed and where, not by how much: a restricted figure could be solved from it. The catalogue's
    -- messages are fixed texts that name published units at most; what is said of a single cell quotes it, so that stays with the sender and the auditor
    execute 'create view bi.fct_finding with (security_barrier) as select finding_key, source, rule, rule_version, kind, is_waived, unit_id, period_id, row_id, submission_id, sheet, cell,
                 case when known.is_fixed then message_vi end as message_vi, case when known.is_fixed then message_en end as message_en
             from marts.fct_finding m
             cross join lateral (select exists (select from catalogue.check_rule c where c.rule = m.rule) as is_fixed) as known where ' || now_ || ' and ' || shown_unit;
end $$;

grant select on all tables in schema bi to tonghop_reader, tonghop_auditor;
alter default privileges in schema bi grant select on tables to tonghop_reader, tonghop_auditor;
-- a nation's figures by year are some 300,000 groups: in less memory they are added up on disk
alter role tonghop_bi set work_mem = '64MB';
