"""What changes without code: forms, units and their events, calendar and rules, read from files and copied to the warehouse.

data, model                     what files are read into; the catalogue as one object
load, sync                      read from the files of a folder; copied to the warehouse
forms, metrics, evaluate        forms with rules and rates; figures that may be asked for; a rule decided, exactly
calendar, obligations           periods and deadlines; who owes what
units, events, landings         units through time; what happens to them; where their figures land on another tree
reorg                           an event file planned, applied, reverted
earlier                         forms as they were when templates still out were printed
"""
