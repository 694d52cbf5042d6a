{#
    The rows of a mart that a release shows: release_from <= N < release_to. This is the one place where the views of the warehouse
    say so, in two spellings that mean the same to any reader and not to the planner:

    shown_in   for a mart that is read whole. Of a plain range the planner expects one row in nine, and loops; of this it expects
               four rows in five, which is about right (docs/decisions/01-releases.md).
    holds_in   for joins of several marts, where keys decide how many rows there are, and for indexes, which know only plain ranges.
#}
{% macro shown_in(row, release) -%}
    ({{ row }}.release_from > {{ release }} and {{ row }}.release_to > {{ release }}) is not true
    and ({{ row }}.release_from <= {{ release }} and {{ row }}.release_to <= {{ release }}) is not true
{%- endmacro %}

{% macro holds_in(row, release) -%}
    {{ row }}.release_from <= {{ release }} and {{ row }}.release_to > {{ release }}
{%- endmacro %}


{# Most rows of fct_year are of earlier releases: the end, unlike what is above, is looked up in its index. #}
{% macro not_ended_in(mart, row, release) -%}
    {%- if mart == 'fct_year' %} and {{ row }}.release_to > {{ release }}{% endif -%}
{%- endmacro %}


{% macro current_release() -%}
    (select c.release_id from ctl.current_release as c)
{%- endmacro %}
