-- every receipt was decided once, and again only by a replay while it was held
select
    receipt_id, bool_and(case
        when act = 'received' then before is null
        when act = 'replayed' then before in ('returned', 'quarantined') and after is not null
        else before in ('received', 'replayed')
    end)
from (
    select receipt_id, act, lag(act) over acts as before, lead(act) over acts as after from intake.ledger
    where act in ('received', 'accepted', 'returned', 'quarantined', 'replayed')
    window acts as (partition by receipt_id order by seq)
) as act
group by 1
