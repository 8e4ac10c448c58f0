"""Passwords as Django stores them: PBKDF2 with SHA-256, any number of iterations (contract 5.5)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string

FIRST_PASSWORD_MIN = 4
"""Characters of a new account's first password: what the API asks for (contract 5.3)."""
_SALT_CHARS = string.ascii_letters + string.digits
_SALT_LENGTH = 22


def hash_password(plain: str, *, iterations: int, salt: str | None = None) -> str:
    """`pbkdf2_sha256$iterations$salt$hash`, what Django's check_password verifies. 0.3 CPU-s at 1,000,000 rounds."""
    salt = salt or "".join(secrets.choice(_SALT_CHARS) for _ in range(_SALT_LENGTH))
    digest = hashlib.pbkdf2_hmac("sha256", plain.encode(), salt.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${salt}${base64.b64encode(digest).decode('ascii')}"
