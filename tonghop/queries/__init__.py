"""What readers and auditors ask of releases; nothing here writes to the warehouse.

A query of more than a dozen lines is a file in sql/, a named question one in sql/questions/, a page a template in html/. An
answer, to the sender of a file, is made in intake.

questions                       named questions, one SQL file each
figure                          one figure and its facts, for trace, explain and gap
trace, trace_cell               a figure to its cells, and a cell to every figure that it is in
explain, acts, moves            why a figure differs in two releases: by acts in the ledger, by units that moved
gap                             a claim beside the sum of all below it
owed, receipts, in_flight       what is owed, what came in, which templates are out
verify                          the ledger recomputed from the originals to the published facts
pages                           the pages of releases
"""
