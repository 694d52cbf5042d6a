"""What readers and auditors ask of releases; nothing here writes to the warehouse.

A named question is a file in sql/, a page a template in html/. What a sender is told of a file is an answer, and lives in intake.
"""
