-- the year of each period of which years are made: half years and nine months overlap without making one
select
    part.period_id, year.period_id as year_id, part.period_type,
    case part.period_type when 'M' then 12 else 4 end as periods_in_year
from catalogue.period as part
inner join catalogue.period as year
    on year.scheme = part.scheme and year.period_type = 'Y' and part.ends_on between year.starts_on and year.ends_on
where part.period_type in ('M', 'Q')
