-- What is withheld today: units whose every version of the current release lies below the published levels, and indicators
select w.unit_id from marts.dim_org_unit as w
inner join ctl.current_release as c on {{ holds_in('w', 'c.release_id') }}
where not w.published and not exists (
        select from marts.dim_org_unit as p
        where p.unit_id = w.unit_id and p.published and {{ holds_in('p', 'c.release_id') }}
    )
