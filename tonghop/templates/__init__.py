"""A unit's own workbook for a form and a period: what goes into it, its sheets, and its rules as formulas."""
