-- What a receipt reports, whatever became of it: a row a line, so units, periods and tables repeat. A nil return reports every
-- table that its form had, in either scope: there is nothing to report and nothing to claim.
select line.receipt_id, line.unit_id, line.period_id, form_row.table_code, line.scope, false as is_nil
from intake.line
inner join catalogue.form_row on form_row.row_id = line.row_id
union all
select receipt.receipt_id, receipt.unit_id, receipt.period_id, form_table.table_code, each.scope, true
from intake.receipt
inner join catalogue.form_table
    on form_table.catalogue_id = receipt.catalogue_id and form_table.form_code = receipt.form_code
        and form_table.form_version = receipt.form_version
cross join (values ('own'), ('rollup')) as each (scope)
where receipt.is_nil
