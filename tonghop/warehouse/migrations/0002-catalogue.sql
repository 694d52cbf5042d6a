-- The catalogue as the warehouse knows it. Registries give a thing its number for ever; everything else is a whole
-- copy of the files per catalogue version, written once: "as known then" is a filter on catalogue_id.
-- depends: 0001-roles

create table catalogue.version (
    catalogue_id integer generated always as identity primary key,
    sha256 text not null,
    synced_at timestamptz not null default now()
);

-- registries
create table catalogue.unit (unit_id integer generated always as identity primary key, unit_key text not null unique);
create table catalogue.indicator (
    indicator_id integer generated always as identity primary key,
    table_code text not null, field_code text not null, unique (table_code, field_code));
create table catalogue.form_row (
    row_id integer generated always as identity primary key,
    table_code text not null, row_code text not null, unique (table_code, row_code));
-- the columns of a form table's views: what a figure is called there from a day on, as labels may break. A name once given stays.
-- It is an indicator, or those terms of a part of a rate that add up alike over time; key: where it stands in a row of fct_sheet.
-- is_everywhere: readers saw it at every published level when it got its name
create table catalogue.form_column (
    form_column_id integer generated always as identity primary key,
    table_code text not null, row_id integer not null references catalogue.form_row,
    indicator_id integer references catalogue.indicator, rate_code text, part text, over_time text,
    key text not null generated always as
        (row_id::text || '.' || coalesce(indicator_id::text, rate_code || '.' || part || '.' || over_time)) stored,
    begins_on date not null, column_name text not null, is_everywhere boolean not null,
    unique (table_code, column_name), unique (key, begins_on));
-- the number of a period tells its year, scheme, type and ordinal: see tonghop.catalogue.calendar.Period
create table catalogue.period (
    period_id integer primary key, scheme text not null, period_type text not null, code text not null,
    starts_on date not null, ends_on date not null, unique (scheme, code), check (starts_on <= ends_on));

-- copies
create table catalogue.level (
    catalogue_id integer not null references catalogue.version, level text not null, rank integer not null,
    published boolean not null, name_vi text not null, name_en text not null, primary key (catalogue_id, level));
create table catalogue.unit_version (
    catalogue_id integer not null references catalogue.version, unit_id integer not null references catalogue.unit,
    valid_from date not null, valid_to date not null, code text not null, name text not null, sort_key text not null,
    level text not null, also_level text, parent_id integer references catalogue.unit, synthetic boolean not null,
    primary key (catalogue_id, unit_id, valid_from), check (valid_from <= valid_to));
-- where a unit went: weight 1 for the whole, a share, or null where nobody knows the share; a unit that lives on is its own
-- successor for the rest. Units that gave and took among themselves on a day have one group_id, the number of one of them
create table catalogue.succession (
    catalogue_id integer not null references catalogue.version, predecessor_id integer not null references catalogue.unit,
    successor_id integer not null references catalogue.unit, on_date date not null, weight numeric check (weight > 0 and weight <= 1),
    event text not null, group_id integer not null references catalogue.unit,
    primary key (catalogue_id, predecessor_id, successor_id, on_date));
-- what follows from both: the lives of a unit (facts_from, facts_to), and where the figures of each land on the tree of any day
create table catalogue.landing (
    catalogue_id integer not null references catalogue.version, unit_id integer not null references catalogue.unit,
    facts_from date not null, facts_to date not null, valid_from date not null, valid_to date not null,
    lands_on_id integer not null references catalogue.unit, share numeric not null check (share > 0 and share <= 1),
    is_whole boolean not null, reason text not null,
    primary key (catalogue_id, unit_id, facts_from, valid_from, lands_on_id, is_whole));
create table catalogue.reporting_spell (
    catalogue_id integer not null references catalogue.version, unit_id integer not null references catalogue.unit,
    form_code text not null, valid_from date not null, valid_to date not null,
    primary key (catalogue_id, unit_id, form_code, valid_from));
create table catalogue.form (
    catalogue_id integer not null references catalogue.version, form_code text not null, form_version integer not null,
    scheme text not null, name_vi text not null, name_en text not null, valid_from date not null, valid_to date not null,
    primary key (catalogue_id, form_code, form_version));
create table catalogue.form_table (
    catalogue_id integer not null references catalogue.version, form_code text not null, form_version integer not null,
    table_code text not null, name_vi text not null, name_en text not null,
    primary key (catalogue_id, table_code, form_version));
-- the kinds of periods that a table is reported for, none of which overlaps itself; ordinals: which of its year's, where not all
create table catalogue.form_kind (
    catalogue_id integer not null references catalogue.version, table_code text not null, form_version integer not null,
    kind text not null, period_types text[] not null, ordinals integer[] not null, is_owed boolean not null,
    primary key (catalogue_id, table_code, form_version, kind));
create table catalogue.form_table_row (
    catalogue_id integer not null references catalogue.version, form_version integer not null,
    row_id integer not null references catalogue.form_row, ordinal integer not null, label_vi text not null, label_en text not null,
    primary key (catalogue_id, row_id, form_version));
create table catalogue.field (
    catalogue_id integer not null references catalogue.version, form_version integer not null,
    indicator_id integer not null references catalogue.indicator, ordinal integer not null, label_vi text not null, label_en text not null,
    value_type text not null, measure_unit text not null, aggregation text not null check (aggregation in ('flow', 'stock', 'opening', 'distinct')),
    -- the lowest level at which readers see it, or 'never'; null: at every published one
    shown_from text, primary key (catalogue_id, indicator_id, form_version));
-- from a label to those that it became in a later form version, whose first day is broken_on
create table catalogue.crosswalk (
    catalogue_id integer not null references catalogue.version, form_version integer not null,
    old_id integer not null references catalogue.indicator, new_id integer not null references catalogue.indicator,
    is_break boolean not null, broken_on date not null, why_vi text not null, why_en text not null,
    primary key (catalogue_id, form_version, old_id, new_id));
create table catalogue.obligation (
    catalogue_id integer not null references catalogue.version, form_code text not null, form_version integer not null,
    table_code text not null, level text not null, period_id integer not null references catalogue.period, due_on date not null,
    scope text not null check (scope in ('own', 'rollup')), primary key (catalogue_id, table_code, level, period_id));
-- a check is a row of terms: sum(coefficient * value) op bound; "at" says where a term's value stands
create table catalogue.check_rule (
    catalogue_id integer not null references catalogue.version, rule text not null, instance text not null, form_version integer not null,
    rule_version integer not null, table_code text not null, kind text not null check (kind in ('identity', 'consistency', 'compliance')),
    op text not null check (op in ('=', '<=')), bound numeric not null, period_types text[] not null, levels text[] not null,
    valid_from date not null, valid_to date not null, message_vi text not null, message_en text not null,
    primary key (catalogue_id, rule, instance, form_version, rule_version));
create table catalogue.check_term (
    catalogue_id integer not null references catalogue.version, rule text not null, instance text not null, form_version integer not null,
    rule_version integer not null, indicator_id integer not null references catalogue.indicator, coefficient numeric not null,
    "at" text not null check ("at" in ('same', 'elsewhere', 'previous', 'children', 'months', 'predecessors', 'successors')),
    primary key (catalogue_id, rule, instance, form_version, rule_version, indicator_id, "at"));
-- over_time: how the term adds over time, as its metric says
create table catalogue.rate_term (
    catalogue_id integer not null references catalogue.version, rate_code text not null,
    part text not null check (part in ('numerator', 'denominator')), indicator_id integer not null references catalogue.indicator,
    coefficient numeric not null, over_time text not null, primary key (catalogue_id, rate_code, part, indicator_id));
-- every indicator and rate, as tonghop.catalogue.metrics defines it from the newest form version that has it
create table catalogue.metric (
    catalogue_id integer not null references catalogue.version, code text not null, kind text not null check (kind in ('indicator', 'rate')),
    table_code text not null, indicator_id integer references catalogue.indicator, label_vi text not null, label_en text not null,
    measure_unit text not null, numerator text not null, denominator text,
    over_units text not null check (over_units in ('sum', 'ratio')),
    over_time text not null check (over_time in ('flow', 'stock', 'opening', 'distinct', 'ratio')), broken_on date[] not null,
    formula_vi text not null, formula_en text not null, shown_from text, primary key (catalogue_id, code),
    check ((kind = 'rate') = (indicator_id is null)), check ((kind = 'rate') = (denominator is not null)));

-- nothing in the catalogue is ever changed or removed, not even by its owner's slip
create function ctl.append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_schema || '.' || tg_table_name, tg_op;
end $$;
do $$
declare t record;
begin
    for t in select tablename from pg_tables where schemaname = 'catalogue' loop
        execute format('create trigger append_only before update or delete or truncate on catalogue.%I
                        for each statement execute function ctl.append_only()', t.tablename);
    end loop;
end $$;
