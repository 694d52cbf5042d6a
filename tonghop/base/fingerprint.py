"""The fingerprint of named texts: it changes with any name and any byte, and with nothing else."""

import hashlib
from collections.abc import Mapping


def fingerprint(texts: Mapping[str, bytes]) -> str:
    """The SHA-256 of texts and their names, in the order of the names, as hexadecimal digits."""
    return hashlib.sha256(b"".join(f"{name}\0{len(texts[name])}\0".encode() + texts[name] for name in sorted(texts))).hexdigest()
