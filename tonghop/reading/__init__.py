"""From the bytes of a file to a report: bounds first, then cells, a form, numbers, and the rules that a report alone decides.

Runs inside the confined reading process; it asks no database and opens no other file.
"""
