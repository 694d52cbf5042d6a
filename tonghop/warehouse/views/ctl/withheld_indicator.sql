select indicator.* from catalogue.indicator as indicator
where exists (
        select from catalogue.field as field inner join gate.release as candidate using (catalogue_id)
        where field.indicator_id = indicator.indicator_id and field.shown_from is not null
    )
