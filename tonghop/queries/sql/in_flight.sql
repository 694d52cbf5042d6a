select
    issued.unit_key, issued.form_code, issued.form_version, issued.scheme, issued.period_code, issued.scope,
    issued.fingerprint, max(issued.issued_at) as issued_at
from intake.issued as issued
where
    (%(form)s::text is null or issued.form_code = %(form)s)
    and not exists (
        select from intake.receipt as receipt
        inner join catalogue.unit as unit on receipt.unit_id = unit.unit_id
        inner join catalogue.period as period on receipt.period_id = period.period_id
        where
            receipt.status = 'accepted' and unit.unit_key = issued.unit_key and receipt.form_code = issued.form_code
            and (period.scheme, period.code) = (issued.scheme, issued.period_code) and receipt.scope = issued.scope
            and receipt.received_at >= issued.issued_at
    )
group by
    issued.unit_key, issued.form_code, issued.form_version, issued.scheme, issued.period_code, issued.scope,
    issued.fingerprint
order by issued.form_code, issued.period_code, issued.unit_key, issued_at
