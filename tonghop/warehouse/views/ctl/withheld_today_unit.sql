-- What is withheld today: units whose every version of the current release lies below the published levels, and indicators
select w.unit_id from current.dim_org_unit as w
where not w.published and not exists (
        select from current.dim_org_unit as p
        where p.unit_id = w.unit_id and p.published
    )
