"""From a file in the inbox to facts in the warehouse: receive, read in a worker, check, load, settle, answer.

All code that writes receipts, lines, findings or the ledger is here, and takes the ledger's lock before it does.
"""
