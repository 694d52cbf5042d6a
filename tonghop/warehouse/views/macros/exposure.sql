{#
    What readers may see. Where many rows are asked about, of `current` and of the marts, and not of the views in bi and star_asof:
    the planner knows nothing of what comes out of a view with a security barrier.
#}

{# in the current release #}
{% macro unit_is_shown(unit) -%}
    exists (select from current.dim_org_unit as u where u.unit_id = {{ unit }} and u.published)
{%- endmacro %}

{% macro indicator_is_shown(indicator) -%}
    exists (select from current.dim_indicator as i where i.indicator_id = {{ indicator }} and i.shown_from is null)
{%- endmacro %}


{#
    in the release of the row m, and today as well: what is withheld today is withheld in every release. Asked of the marts and not of
    `released`: with the release as one more table of its own, the planner begins with the units, and a year's figures by province take
    eight times as long.
#}
{% macro unit_is_not_withheld(unit) -%}
    not exists (select from ctl.withheld_today_unit as w where w.unit_id = {{ unit }})
{%- endmacro %}

{% macro indicator_is_not_withheld(indicator) -%}
    not exists (select from ctl.withheld_today_indicator as w where w.indicator_id = {{ indicator }})
{%- endmacro %}

{% macro unit_was_shown(unit) -%}
    exists (
        select from marts.dim_org_unit as u
        where {{ shown_in('u', 'm.release_id') }} and u.unit_id = {{ unit }} and u.published
            and {{ unit_is_not_withheld('u.unit_id') }})
{%- endmacro %}

{% macro indicator_was_shown(indicator) -%}
    exists (
        select from marts.dim_indicator as i
        where {{ shown_in('i', 'm.release_id') }} and i.indicator_id = {{ indicator }} and i.shown_from is null
            and {{ indicator_is_not_withheld('i.indicator_id') }})
{%- endmacro %}


{# of what is counted when asked, in the candidate too: in the releases that readers may ask for, with what is shown of them #}
{% macro unit_is_released(unit, release) -%}
    exists (select from star_asof.dim_org_unit as u where u.release_id = {{ release }} and u.unit_id = {{ unit }})
{%- endmacro %}

{% macro indicator_is_released(indicator, release) -%}
    exists (select from star_asof.dim_indicator as i where i.release_id = {{ release }} and i.indicator_id = {{ indicator }})
{%- endmacro %}
