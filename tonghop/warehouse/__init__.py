"""PostgreSQL: the embedded server or one of your own, connections and roles, migrations, and the readers' views.

A table, role or policy is made by a migration; a view is one file in views/, applied again when its text changes.

embedded, connect, roles        the server; URLs and connections; names of roles
migrate                         databases, migrations and views brought up to date, passwords set
views, sheets                   every view made and described; the views of form tables
"""
