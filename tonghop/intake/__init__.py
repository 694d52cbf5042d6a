"""From a file in the inbox to facts in the warehouse: receive, read in a worker, check, load, settle, answer.

All code that writes receipts, lines, findings or the ledger is here, and takes the ledger's lock before it does.

inbox, receive, submit          which files are whole; a receipt for each; both steps at once
pool, worker, wire              the confined processes that read, and what they send back
load, batch                     reports decided and loaded in one transaction
two_senders, supersede          who waits and who goes back; status, ledger, and which earlier report gives way
answer, delivery, returned      what the sender gets: an answer, and the workbook with the findings in it
before_sending                  the same answer before anything is sent
waive, replay, retention        leave to break a rule; decided again; originals removed
"""
