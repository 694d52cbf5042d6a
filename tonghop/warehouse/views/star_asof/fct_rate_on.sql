-- Rates on the tree of any day, from their numerators and denominators as restated on it; not_restatable is the part of the
-- denominator that lands undivided on the unit itself. What a unit claims for its whole is its own tree's, and not restated.
select
    f.release_id, f.tree_id, f.unit_id, f.period_id, f.row_id, f.rate_code, f.numerator, f.denominator,
    {{ rate('f.numerator', 'f.denominator') }} as value, f.not_restatable
from (
    select
        g.release_id, g.tree_id, g.unit_id, g.period_id, g.row_id, g.rate_code,
        trim_scale(sum(g.numerator * g.weight)) as numerator, trim_scale(sum(g.denominator * g.weight)) as denominator,
        trim_scale(sum(g.denominator * g.undivided)) as not_restatable
    from (
        select
            s.release_id, s.tree_id, s.ancestor_id as unit_id, s.weight, s.undivided, o.period_id, o.row_id, t.rate_code,
            {{ rate_parts('t', 'o.value') }}
        from ctl.landing_on as s
        inner join ctl.release as r on r.release_id = s.release_id
        inner join released.fct_observation as o
            on o.unit_id = s.unit_id and o.scope = 'own' and o.value is not null and o.release_id = s.release_id
        inner join catalogue.period as p on p.period_id = o.period_id and p.ends_on between s.facts_from and s.facts_to
        inner join catalogue.rate_term as t on t.catalogue_id = r.catalogue_id and t.indicator_id = o.indicator_id
        inner join (
            select catalogue_id, rate_code, count(*) as terms from catalogue.rate_term
            group by catalogue_id, rate_code
        ) as whole on whole.catalogue_id = r.catalogue_id and whole.rate_code = t.rate_code
        where not exists (
                select from catalogue.metric as x
                where x.code = t.rate_code and x.shown_from is not null
            )
        group by
            s.release_id, s.tree_id, s.ancestor_id, s.unit_id, s.facts_from, s.weight, s.undivided, o.period_id, o.row_id,
            t.rate_code
        having {{ has_every_term('whole') }}
    ) as g
    group by g.release_id, g.tree_id, g.unit_id, g.period_id, g.row_id, g.rate_code
) as f
