"""Fingerprints of a text: the row keeps these, and never the text."""

from __future__ import annotations

import hashlib
import json

from academyctl.contract.texts import Text
from academyctl.messaging.compose import receiver
from academyctl.messaging.model import Composed


def text_sha256(composed: Composed) -> str:
    """Of the text exactly as Solapi is given it, in UTF-8; an Alimtalk has none, so its hash is that of ''."""
    return hashlib.sha256(composed.text.encode()).hexdigest()


def content_sha256(text: Text) -> str:
    """Of what makes two messages the same text to the same phone, whatever their keys: a double click's window."""
    content = [
        text.tenant_id, receiver(text.to) or text.to, text.text, text.mode, text.template_id, sorted(text.replacements)
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
