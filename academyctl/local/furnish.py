"""`python -m academyctl.local.furnish`: queues, buckets, groups and sample data on services that others started.

For deploy/compose.yaml, whose containers stand where the embedded stack's processes do. Run again, it adds what is
missing and nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from academyctl.local import environment, resources, sample
from academyctl.settings import load
from academyctl.stores import Stores


def furnish(env: Mapping[str, str], folder: Path) -> list[str]:
    """Make what is missing of the platform that these settings name; sample films are made in `folder`.

    Returns what the emulator could not do, as sentences.
    """
    settings = load(dict(env)).settings
    stores = Stores(settings)
    try:
        gaps = resources.create_all(
            stores.aws_clients(), queues=settings.queues, buckets=settings.r2, fleet=settings.fleet,
            region=settings.aws.region,
        )  # fmt: skip
        if not stores.db.query("SELECT 1 FROM core_tenant LIMIT 1"):
            sample.load(stores)
        sample.put_objects(stores, environment.find_tools().get("ffmpeg"), folder)
    finally:
        stores.close()
    return gaps


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        sys.stderr.writelines(f"{gap}\n" for gap in furnish(os.environ, Path(folder)))
