"""What readers and auditors ask of releases; nothing here writes to the warehouse.

A query of more than a dozen lines is a file in sql/, a named question one in sql/questions/, a page a template in html/. An
answer, to the sender of a file, is made in intake.
"""
