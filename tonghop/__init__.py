"""Tonghop: a reporting warehouse for organisations with many levels.

Read the modules in the order in which a number travels:

settings    typed, frozen settings: where things are and how large they may be
server      the embedded PostgreSQL, or the one that a URL names; roles and migrations
text        Vietnamese text: one form of each word, how it is compared, how it is sorted
data        frozen models and CSV rows with their place: what catalogue files are read into
calendar    periods under their cut-off schemes, working days
history     units and their history: versions, dated events, and the folding of both
forms       a form as data: tables, fields, rows, rules, rates
catalogue   all of these from the files of a folder, held against each other
sync        the catalogue into its append-only tables
reorg       what an event file would change; applying and reverting it
template    a unit's own workbook for a form and a period: template_book and template_sheet lay it out, formulas says its rules
receive     fingerprint a file, keep the original, give a receipt
bounds      what a workbook may be before anything parses it
reading     what reading a file gives: its head, raw figures with their places, totals
sheetxml    what an .xlsx shows but its values do not tell: number formats, errors, what is hidden; xls the same of an .xls
periods     names of periods as people write them; units the same of names of units
legacy      text in fonts of before Unicode
layout      where things stand on a sheet
read        workbook, CSV or JSON to a report: cells with coordinates
figures     what stands in a cell where a number belongs
check       the catalogue's linear rules on a report
answer      what a sender is told, in two languages
returned    what goes back to a sender: their own workbook with the findings in it; package, page and xmltext edit its parts
pool        reading and checking in confined worker processes
arrival     the lines of a batch as COPY reads them, and which of its reports contend for a figure
load        facts, state and ledger entry in one transaction
precheck    what would become of a file, told before it is sent
waive       leave to break a rule, given by an office, kept in the ledger
replay      held files again, after a form or rule was repaired or a waiver given
owed        who owes what, by the ledger and the catalogue
build       open a candidate release, run dbt into it
gate        Great Expectations on the candidate: the decision to release; docs renders what it saw
publish     move one pointer
pages       what changed in a release, and how good its data are, as pages
report      named questions to the published release
figure      one figure of one release: what it is, what it is made of
trace       a figure to its cells, a cell to its figures
explain     why a figure is not what it was in an earlier release
gap         what a unit claimed, beside the sum of those below it
verify      ledger and conservation, recomputed
retention   originals leave the store when their time is over
services    bring the database and Airflow up and down
cli         the `tonghop` command

Nothing here imports Airflow: the DAGs call these functions, and so does the command line.
"""

__version__ = "0.1.0"
