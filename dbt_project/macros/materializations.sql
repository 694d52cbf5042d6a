{#
    How a model becomes a relation. dbt's own way builds under another name, renames twice and drops, each a statement with a
    context of its own, so that readers see the old relation until the new one is there: a third of a small release. Staging and
    intermediate relations have no readers but the build, which is alone; so here a relation gives way in the transaction that
    makes it anew. `grants`, `persist_docs` and hooks outside the transaction are not looked at.
#}
{% materialization view, adapter='postgres' %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {{ give_way(this) }}
        {{ get_create_view_as_sql(this, sql) }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [this.incorporate(type='view')]}) }}
{% endmaterialization %}


{% materialization table, adapter='postgres' %}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {{ give_way(this) }}
        {{ get_create_table_as_sql(false, this, sql) }}
    {% endcall %}
    {#- without statistics the next model's joins become nested loops -#}
    {% call statement('statistics') %}
        analyze {{ this }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}


{# Drops what has the name, whatever it is, with what was built upon it. #}
{% macro give_way(relation) -%}
    do $$ begin
        execute coalesce((
            select format('drop %s {{ relation }} cascade', case relkind when 'v' then 'view' else 'table' end)
            from pg_class where oid = to_regclass('{{ relation }}')
        ), 'select');
    end $$;
{%- endmacro %}


{#
    A mart: a table of a migration, with history, partitions and row policies, in which only rows are opened and closed.
    Undoing its own work first is what makes a rerun, after a kill at any point, give what an undisturbed run gives.
#}
{% materialization release, adapter='postgres' %}
    {%- set key = config.require('unique_key') -%}
    {%- set cols = model.columns.keys() | list -%}
    {%- set rest = cols | reject('in', key + ['release_from', 'release_to']) | list -%}
    {%- set sliced = slice(config.require('meta').slice) | trim -%}
    {#- a number, from which the planner knows the indexes of what one release opened and ended -#}
    {%- set candidate = candidate_scope().release_id -%}
    {%- set new = make_temp_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('new') %}
        {{ get_create_table_as_sql(true, new, sql) }}
    {% endcall %}
    {% do require_release_table(this, new) %}
    {% call statement('main') %}
    -- two rows for one key would otherwise hide behind the one that is open already; and the joins below want an index
    create unique index on {{ new }} ({{ key | join(', ') }});
    -- without statistics on the new rows they become nested loops
    analyze {{ new }};
    {%- if sliced == 'true' %}
    -- a table that was empty a moment ago looks small: a loop over it would read again what it is itself writing
    set local enable_nestloop = off;
    {%- endif %}
    delete from {{ this }} as t where t.release_from::bigint = {{ candidate }} and {{ sliced }};
    update {{ this }} as t set release_to = {{ still() }} where t.release_to = {{ candidate }} and {{ sliced }};
    -- close what changed or vanished
    update {{ this }} as t set release_to = {{ candidate }}
    where t.release_to = {{ still() }} and {{ sliced }}
        and not exists (
            select from {{ new }} as s
            where {% for k in key %}s.{{ k }} = t.{{ k }} and {% endfor -%}
                (s.{{ rest | join(', s.') }}) is not distinct from (t.{{ rest | join(', t.') }})
        );
    -- open what is new
    insert into {{ this }} ({{ cols | join(', ') }})
    select s.{{ cols | join(', s.') }} from {{ new }} as s
    where not exists (
        select from {{ this }} as t
        where t.release_to = {{ still() }} and {{ sliced }}{% for k in key %} and t.{{ k }} = s.{{ k }}{% endfor %}
    );
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}


{# The table must be there, be another role's, and have the columns of the new rows. #}
{% macro require_release_table(relation, new) %}
    {%- set found = run_query(
        "select relowner = current_user::regrole,
            (
                select string_agg(distinct attname, ', ') from (
                    select attname from pg_attribute
                    where attrelid in (c.oid, '" ~ new ~ "'::regclass) and attnum > 0 and not attisdropped
                    group by attname, atttypid having count(*) = 1
                ) as one_sided
            )
        from pg_class as c where oid = to_regclass('" ~ relation ~ "')") -%}
    {%- if not found.rows -%}
        {{ exceptions.raise_compiler_error(relation ~ ' is missing: a migration makes the tables of the marts') }}
    {%- elif found.rows[0][0] -%}
        {{ exceptions.raise_compiler_error(relation ~ ' belongs to the role that dbt runs as: run as tonghop_builder') }}
    {%- elif found.rows[0][1] -%}
        {{ exceptions.raise_compiler_error(
            relation ~ ' and its model differ in ' ~ found.rows[0][1] ~ ': a migration changes the table') }}
    {%- endif -%}
{% endmacro %}
