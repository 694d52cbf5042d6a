"""Workbooks edited part by part, so that what we do not know in them stays byte for byte.

annotate                        a sender's workbook gets its notes: colours, comments, findings_sheet
parts, xml_edit, styles         the parts and how they refer to each other; XML as text; styles added
"""
