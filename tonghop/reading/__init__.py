"""From the bytes of a file to a report: bounds first, then cells, a form, numbers, and the rules that a report alone decides.

Runs inside the confined reading process; it asks no database and opens no other file. In the order of the way:

reader        a file goes by what is in it; kinds says what is no report as it stands, zipped opens an archive of reports
bounds        what a workbook may be before anything parses it
xlsx, ods, xlsb, xls                                each kind of workbook: its sheets, and what their cells show
plain_sheet, sheet_xml, styles_xml, number_format, formula, tokens, parser    what these kinds share, and python-calamine
workbook      a workbook's sheets: layout finds head, units of measure and header; head, rows and printed read them
text_files    CSV and JSON
raw           a file as read: figures with their places
understand    raw figures to a report (report), with numbers, period_names, unit_codes, unit_names and old_fonts
rules         the catalogue's rules on the figures of one report; figures says what a broken one comes to
"""
