"""A unit's own workbook for a form and a period: what goes into it, its sheets, and its rules as formulas.

plan                            which rows and opening figures it has
book, sheet                     the workbook, and one table on its sheet
formulas, guards                rules as formulas; what may be typed, and what is coloured
looks, paper                    cell formats; sheets on paper
write                           files written, and to whom they go recorded
"""
