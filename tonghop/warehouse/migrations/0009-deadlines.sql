-- What is late. The models of deadlines and the list of what is owed ask this function; nothing else says what is late or on time.
-- depends: 0002-catalogue

-- by how many days a report that was due is late on a day; 0 when it is on time
create function ctl.days_late(due_on date, on_day date) returns integer immutable language sql
return case when on_day <= due_on then 0 else on_day - due_on end;
