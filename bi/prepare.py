"""Run in Superset's environment, once for each version of it: its own tables, its roles, and the one who may change all.

The password comes on standard input: in arguments or in the environment others could read it.
"""

import sys
from pathlib import Path

import superset
from flask_migrate import upgrade
from superset.app import create_app

app = create_app()
with app.app_context():
    upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
    manager = app.appbuilder.sm
    app.appbuilder.add_permissions(update_perms=True)
    manager.sync_role_definitions()
    name, password = sys.stdin.read().splitlines()
    if (user := manager.find_user(name)) is None:
        if not manager.add_user(name, "Tổng hợp", "quản trị", f"{name}@localhost", manager.find_role("Admin"), password):
            sys.exit(f"the user {name} could not be made")
    else:
        manager.reset_password(user.id, password)
