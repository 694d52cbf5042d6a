{#
    The rows of a mart that a release shows: release_from <= N < release_to. This is the one place where the warehouse says so, for
    the relations of each mart (current, released, candidate, in_release) and for what they cannot give: marts/figure_unit,
    coverage and claim_gap, which answer for the candidate as well, and what readers may see of another release (exposure.sql).
    Two spellings mean the same to any reader and not to the planner:

    shown_in   where no release is given as a value. Of a plain range the planner then expects one row in nine, and loops; of this
               it expects four rows in five, which is about right (docs/decisions/01-releases.md).
    holds_in   where one is given, where keys decide how many rows there are, and for indexes, which know only plain ranges.
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
