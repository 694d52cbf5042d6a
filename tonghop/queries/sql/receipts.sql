select
    receipt.receipt_id as receipt, receipt.status, receipt.form_code as form, unit.code as unit, period.code as period,
    receipt.scope, receipt.received_at, receipt.file_name as file, receipt.cells, superseded.by_receipt_id as superseded_by
from intake.receipt as receipt
left join catalogue.period as period on receipt.period_id = period.period_id
left join catalogue.unit_version as unit
    on receipt.unit_id = unit.unit_id and receipt.catalogue_id = unit.catalogue_id
        and period.ends_on between unit.valid_from and unit.valid_to
left join intake.ledger as superseded on receipt.receipt_id = superseded.receipt_id and superseded.act = 'superseded'
where %(status)s::text is null or receipt.status = %(status)s
order by receipt.receipt_id
