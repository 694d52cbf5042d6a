"""Passwords and keys: made once, kept in the state folder, readable by the owner only."""

import hashlib
import hmac
import os
import secrets

from tonghop.base.settings import Settings


def secret(settings: Settings, name: str) -> str:
    """A password made the first time it is asked for; kept in the state folder, readable by the owner only."""
    path = settings.home / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(18))
    return path.read_text()


def derived_key(settings: Settings, purpose: str) -> bytes:
    """64 bytes for one purpose of Airflow's (its tokens, its encryption), derived from one secret that is kept."""
    return hmac.digest(secret(settings, "airflow").encode(), purpose.encode(), hashlib.sha512)
