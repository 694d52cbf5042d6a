"""What readers and auditors ask of releases; nothing here writes to the warehouse.

A named question is a file in sql/, a page a template in html/. An answer, to the sender of a file, is made in intake.
"""
