"""The platform of texts for every test here."""

from __future__ import annotations

from tests.texting_platform import texting as texting
from tests.texting_platform import texting_platform as texting_platform
