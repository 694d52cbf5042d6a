-- The star. Tables are made here and never by dbt, which fills them as the builder: what is rebuilt loses its
-- grants and policies, and a full refresh by an owner destroys history.
-- Every row says in which releases it held: release_from <= N < release_to; 2147483647 is "still".
-- depends: 0004-release

create table marts.dim_org_unit (
    unit_id integer not null, valid_from date not null, valid_to date not null, code text not null, name text not null,
    sort_key text not null, level text not null, level_rank integer not null, published boolean not null, parent_id integer,
    synthetic boolean not null, release_from integer not null, release_to integer not null);
create table marts.bridge_org_tree (
    ancestor_id integer not null, unit_id integer not null, depth integer not null, valid_from date not null, valid_to date not null,
    release_from integer not null, release_to integer not null);
-- the trees that there were: stretches of days on which nothing about units changes; is_today is that of the candidate's opening
create table marts.dim_tree (
    tree_id integer not null, valid_from date not null, valid_to date not null, is_today boolean not null,
    release_from integer not null, release_to integer not null);
-- where the own figures of a unit stand on the tree of any day (valid_from, valid_to): those of its days facts_from to facts_to.
-- weights add up to one; is_whole = false: standing undivided there, not restatable below
create table marts.bridge_restated (
    unit_id integer not null, facts_from date not null, facts_to date not null, lands_on_id integer not null, weight numeric not null,
    is_whole boolean not null, reason text not null, valid_from date not null, valid_to date not null,
    release_from integer not null, release_to integer not null);
create table marts.dim_period (
    period_id integer not null, code text not null, scheme text not null, period_type text not null, starts_on date not null,
    ends_on date not null, year integer not null, release_from integer not null, release_to integer not null);
create table marts.dim_form (
    table_code text not null, form_version integer not null, form_code text not null, form_name_vi text not null,
    form_name_en text not null, table_name_vi text not null, table_name_en text not null, scheme text not null,
    valid_from date not null, valid_to date not null, release_from integer not null, release_to integer not null);
create table marts.dim_indicator (
    indicator_id integer not null, table_code text not null, field_code text not null, code text not null, label_vi text not null,
    label_en text not null, value_type text not null, measure_unit text not null, aggregation text not null, shown_from text,
    release_from integer not null, release_to integer not null);
create table marts.dim_metric (
    code text not null, kind text not null, table_code text not null, indicator_id integer, label_vi text not null, label_en text not null,
    measure_unit text not null, numerator text not null, denominator text, over_units text not null, over_time text not null,
    broken_on date[] not null, formula_vi text not null, formula_en text not null, shown_from text,
    release_from integer not null, release_to integer not null);
create table marts.bridge_label (
    old_id integer not null, new_id integer not null, form_version integer not null, is_break boolean not null, broken_on date not null,
    why_vi text not null, why_en text not null, release_from integer not null, release_to integer not null);
create table marts.dim_form_row (
    row_id integer not null, table_code text not null, row_code text not null, label_vi text not null, label_en text not null,
    release_from integer not null, release_to integer not null);
create table marts.dim_submission (
    submission_id integer not null, sha256 text not null, unit_id integer not null, form_code text not null, form_version integer not null,
    period_id integer not null, scope text not null, is_nil boolean not null, received_at timestamptz not null, cells integer not null,
    status text not null, superseded_by integer, release_from integer not null, release_to integer not null);

-- grain: subject unit x period x form row x indicator x scope, from one cell of one submission
create table marts.fct_observation (
    unit_id integer not null, period_id integer not null, row_id integer not null, indicator_id integer not null, scope text not null,
    submission_id integer not null, state text not null, value numeric, sheet text not null, cell text not null,
    release_from integer not null, release_to integer not null) partition by range (period_id);
-- grain: unit x period x form row x indicator. value sums the unit's own figure and those of all below it, as the tree stood at
-- the period's end; claimed is what the unit itself said for the whole, never added to it
create table marts.fct_rollup (
    unit_id integer not null, period_id integer not null, row_id integer not null, indicator_id integer not null,
    value numeric, claimed numeric, units_reported integer not null, units_due integer not null,
    release_from integer not null, release_to integer not null, units_unowed integer not null default 0) partition by range (period_id);
-- grain: as fct_rollup, on today's tree; not_restatable is the part of value that stands undivided at the unit itself
create table marts.fct_restated (
    unit_id integer not null, period_id integer not null, row_id integer not null, indicator_id integer not null,
    value numeric, not_restatable numeric, units_reported integer not null, units_due integer not null,
    units_restated integer not null, units_not_restatable integer not null,
    release_from integer not null, release_to integer not null, units_unowed integer not null default 0) partition by range (period_id);
-- grain: tree (reported: as fct_rollup; today: as fct_restated) x unit x year x type of the periods added up x form row x indicator
-- x label_set: where labels break within a year, a total ends and another starts. Only periods that give a figure count; a flow
-- is their sum, an opening the first, a stock the last
create table marts.fct_year (
    unit_id integer not null, period_id integer not null, row_id integer not null, indicator_id integer not null, label_set integer not null,
    periods integer not null, periods_in_year integer not null, first_period_id integer not null, last_period_id integer not null,
    reports_received integer not null, reports_due integer not null, tree text not null, period_type text not null,
    value numeric not null, not_restatable numeric not null,
    release_from integer not null, release_to integer not null, reports_unowed integer not null default 0) partition by range (period_id);
-- what a published unit is called and what all above it are, by stretch of days on which none of these changes: above holds a code and
-- a name by level
create table marts.dim_place (
    unit_id integer not null, valid_from date not null, valid_to date not null, unit_key text not null, code text not null,
    name text not null, level text not null, above jsonb not null, release_from integer not null, release_to integer not null);
-- grain: tree (reported, today) x form table x period x published unit x whether it stands there undivided. What the unit itself and
-- those right below it that are not published reported: rows add up to every level. figures and withheld are keyed row_id.indicator_id,
-- and for parts of rates, of units that gave every term, row_id.rate_code.part.over_time
create table marts.fct_sheet (
    tree text not null, table_code text not null, period_id integer not null, unit_id integer not null, is_undivided boolean not null,
    last_due_on date, units_due numeric not null, units_reported numeric not null, units_unowed numeric not null,
    units_on_time numeric not null, units_nil numeric not null, figures jsonb not null, withheld jsonb not null,
    release_from integer not null, release_to integer not null);
-- grain: unit x period x form row x rate x basis (summed from below, or claimed)
create table marts.fct_rate (
    unit_id integer not null, period_id integer not null, row_id integer not null, rate_code text not null, basis text not null,
    numerator numeric not null, denominator numeric not null, value numeric,
    release_from integer not null, release_to integer not null);
-- grain: unit x period x form table x scope that is owed, or that came and nobody owes
create table marts.fct_reporting (
    unit_id integer not null, period_id integer not null, table_code text not null, due_on date, received_at timestamptz,
    is_received boolean not null, is_on_time boolean, is_nil boolean, submission_id integer,
    release_from integer not null, release_to integer not null, scope text not null default 'own',
    is_owed boolean not null default true);
-- grain: published unit x period x form table that it or any unit below it owes, as the tree stood at the period's end.
-- due = received + missing, received = on_time + late; claims, and what nobody owes, are counted apart
create table marts.fct_completeness (
    unit_id integer not null, period_id integer not null, table_code text not null, last_due_on date,
    due integer not null, received integer not null, on_time integer not null, late integer not null, missing integer not null,
    nil integer not null, release_from integer not null, release_to integer not null, unowed integer not null default 0,
    claims_due integer not null default 0, claims_received integer not null default 0);
-- grain: one disagreement: a rule that a file breaks on arrival, or that the accepted figures of a unit break; in how many cells
create table marts.fct_finding (
    finding_key text not null, source text not null, rule text not null, rule_version integer, kind text not null,
    is_waived boolean not null default false, unit_id integer, period_id integer, cells integer not null default 1,
    row_id integer, submission_id integer, sheet text, cell text, left_side numeric, bound numeric, message_vi text not null,
    message_en text not null, release_from integer not null, release_to integer not null);

do $$
declare t text; y integer;
begin
    foreach t in array array['fct_observation', 'fct_rollup', 'fct_restated', 'fct_year'] loop
        for y in 2010..2035 loop
            execute format('create table marts.%I partition of marts.%I for values from (%s) to (%s)',
                           t || '_' || y, t, y * 100000, (y + 1) * 100000);
        end loop;
        execute format('create table marts.%I partition of marts.%I default', t || '_other', t);
    end loop;
end $$;

-- one open row a key: a second one is a bug in a model, and the build stops
-- 2147483647 is the release_to of a row that still holds. It is written out here and below because the planner uses a partial
-- index only where the query's constant is the one of the index, and because a policy with a function asks it once a row.
create unique index on marts.dim_org_unit (unit_id, valid_from) where release_to = 2147483647;
create unique index on marts.bridge_org_tree (unit_id, ancestor_id, valid_from) where release_to = 2147483647;
create unique index on marts.dim_tree (tree_id) where release_to = 2147483647;
create unique index on marts.bridge_restated (unit_id, facts_from, valid_from, lands_on_id, is_whole) where release_to = 2147483647;
create index on marts.bridge_restated (lands_on_id);
create unique index on marts.dim_period (period_id) where release_to = 2147483647;
create unique index on marts.dim_form (table_code, form_version) where release_to = 2147483647;
create unique index on marts.dim_indicator (indicator_id) where release_to = 2147483647;
create unique index on marts.dim_metric (code) where release_to = 2147483647;
create unique index on marts.bridge_label (old_id, new_id, form_version) where release_to = 2147483647;
create unique index on marts.dim_form_row (row_id) where release_to = 2147483647;
create unique index on marts.dim_submission (submission_id) where release_to = 2147483647;
create unique index on marts.fct_observation (period_id, unit_id, indicator_id, row_id, scope) where release_to = 2147483647;
create unique index on marts.fct_rollup (period_id, unit_id, indicator_id, row_id) where release_to = 2147483647;
-- a claim without a sum beside it, of which few are: whether blanks are below it nobody can tell from the row
create index on marts.fct_rollup (period_id, unit_id) where value is null and claimed is not null and release_to = 2147483647;
create unique index on marts.fct_restated (period_id, unit_id, indicator_id, row_id) where release_to = 2147483647;
create unique index on marts.fct_year (period_id, unit_id, indicator_id, row_id, tree, period_type, label_set) where release_to = 2147483647;
create unique index on marts.fct_rate (period_id, unit_id, rate_code, row_id, basis) where release_to = 2147483647;
create unique index on marts.fct_reporting (period_id, unit_id, table_code, scope) where release_to = 2147483647;
create unique index on marts.fct_completeness (period_id, unit_id, table_code) where release_to = 2147483647;
create unique index on marts.dim_place (unit_id, valid_from) where release_to = 2147483647;
create unique index on marts.fct_sheet (period_id, unit_id, table_code, tree, is_undivided) where release_to = 2147483647;
create index on marts.fct_sheet (table_code, tree, period_id);
create unique index on marts.fct_finding (finding_key) where release_to = 2147483647;
-- what readers may see is asked of every row that they read
create index on marts.dim_org_unit (unit_id) include (published, release_from, release_to);
create index on marts.dim_org_unit (unit_id) where not published;
-- what is asked of figures is answered from these alone
create index on marts.fct_observation (indicator_id, unit_id, period_id) include (row_id, value, release_from, release_to);
create index on marts.fct_rollup (indicator_id, unit_id, period_id) include (row_id, value, claimed, release_from, release_to);
create index on marts.fct_restated (indicator_id, unit_id, period_id) include (row_id, value, release_from, release_to);
-- a running year's sum is written again by every release with figures of the year: the index passes over those that ended
create index on marts.fct_year (indicator_id, tree, release_to, unit_id, period_id)
    include (row_id, period_type, label_set, value, periods, periods_in_year, release_from);
create index on marts.bridge_org_tree (ancestor_id);
create index on marts.bridge_org_tree (unit_id);
create index on marts.dim_submission (submission_id);
create index on marts.fct_rate (unit_id, period_id);
create index on marts.fct_reporting (unit_id, period_id);
create index on marts.fct_finding (period_id, unit_id) where release_to = 2147483647;
-- what a candidate opened or closed, wherever it stands; cast, so that no other question is led to read whole blocks by it
do $$
declare t record;
begin
    for t in select c.relname from pg_class c
             where c.relnamespace = 'marts'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition loop
        execute format('create index on marts.%I using brin ((release_from::bigint)) with (pages_per_range = 16, autosummarize)', t.relname);
        execute format('create index on marts.%I (release_to) where release_to < 2147483647', t.relname);
    end loop;
end $$;

-- The builder opens rows under the candidate's number and closes or re-opens rows; it can do nothing to what is published.
-- Row policies hold it to that, whatever a model says.
do $$
declare t record;
begin
    for t in select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where n.nspname = 'marts' and c.relkind in ('r', 'p') and not c.relispartition loop
        execute format('grant select, insert, delete, update (release_to) on marts.%I to tonghop_builder', t.relname);
        execute format('alter table marts.%I enable row level security', t.relname);
        execute format('create policy read on marts.%I for select to tonghop_builder, tonghop_auditor using (true)', t.relname);
        execute format('create policy open on marts.%I for insert to tonghop_builder
                        with check (release_from = (select release_id from ctl.release where status = ''candidate'') and release_to = 2147483647)', t.relname);
        execute format('create policy undo on marts.%I for delete to tonghop_builder
                        using (release_from = (select release_id from ctl.release where status = ''candidate''))', t.relname);
        -- what ended before the oldest release that is kept; subselects, so that each is asked once a statement
        execute format('create policy forget on marts.%I for delete to tonghop_builder
                        using (release_to <= (select min(release_id) from ctl.release where status = ''published''))', t.relname);
        execute format('create policy close on marts.%I for update to tonghop_builder
                        using (release_to in (2147483647, (select release_id from ctl.release where status = ''candidate'')))
                        with check (release_to in (2147483647, (select release_id from ctl.release where status = ''candidate'')))', t.relname);
    end loop;
end $$;

-- Every unit that could report a table stands in exactly one state in a figure:
--   value, zero, blank, not_applicable   what its cell says
--   nil, not_asked                       it has reported: that there is nothing, or by a form that does not ask this
--   missing                              owed, and not received
--   not_due                              at a level that owes the table, but nothing for this period
create function marts.state_of(cell text, value numeric, is_nil boolean, is_received boolean, is_due boolean, owes boolean)
returns text immutable language sql as $$
    select case
        when cell = 'value' and value = 0 then 'zero'
        when cell is not null then cell
        when is_nil then 'nil'
        when is_received then 'not_asked'
        when is_due then 'missing'
        when owes then 'not_due'
    end
$$;
