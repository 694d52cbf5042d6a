-- by the candidate's catalogue: what no reader may see, whatever the marts say
select unit.unit_id from catalogue.unit as unit
where not exists (
        select from catalogue.unit_version as version
        inner join catalogue.level as level using (catalogue_id, level)
        inner join gate.release as candidate using (catalogue_id)
        where version.unit_id = unit.unit_id and level.published
    )
