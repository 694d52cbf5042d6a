"""From a file in the inbox to facts in the warehouse: receive, read in a worker, check, load, settle, answer.

Whoever writes receipts, lines, findings or the ledger lives here and holds the ledger's lock.
"""
