-- What an obligation is of: figures of one's own, which are in the sums, or a claim for the whole, which is compared with them.
-- Coverage counts the first alone. What came and nobody owed has a row as well, and is counted apart.
-- Rows of earlier releases keep what they said: the defaults are theirs.
-- depends: 0009-deadlines

alter table catalogue.obligation add column scope text not null default 'own' check (scope in ('own', 'rollup'));

alter table marts.fct_reporting
    alter column due_on drop not null,
    add column scope text not null default 'own',
    add column is_owed boolean not null default true;
drop index marts.fct_reporting_period_id_unit_id_table_code_idx;
create unique index on marts.fct_reporting (period_id, unit_id, table_code, scope) where release_to = 2147483647;

alter table marts.fct_completeness
    alter column last_due_on drop not null,
    add column unowed integer not null default 0,
    add column claims_due integer not null default 0,
    add column claims_received integer not null default 0;
alter table marts.fct_rollup add column units_unowed integer not null default 0;
alter table marts.fct_restated add column units_unowed integer not null default 0;
alter table marts.fct_year add column reports_unowed integer not null default 0;
