"""Container images in ECR."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from academyctl.errors import AwsError
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours


@dataclass(frozen=True)
class Image:
    """An image of a repository. `findings` count what a scan found by severity, None when it was not scanned."""

    digest: str
    tags: tuple[str, ...]
    pushed_at: datetime | None
    bytes: int
    findings: Mapping[str, int] | None


class Images:
    """Repositories by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def of(self, repository: str) -> tuple[Image, ...] | None:
        """A repository's images, newest first; None when there is no such repository."""
        try:
            with ours("ecr:DescribeImages", repository):
                pages = self._clients("ecr").get_paginator("describe_images").paginate(repositoryName=repository)
                found = [_image(raw) for page in pages for raw in page["imageDetails"]]
        except AwsError as error:
            if error.code == "RepositoryNotFoundException":
                return None
            raise
        return tuple(sorted(found, key=lambda one: one.pushed_at.timestamp() if one.pushed_at else 0.0, reverse=True))


def _image(raw: Mapping[str, Any]) -> Image:
    pushed, scan = raw.get("imagePushedAt"), raw.get("imageScanFindingsSummary")
    return Image(
        digest=str(raw["imageDigest"]),
        tags=tuple(str(tag) for tag in raw.get("imageTags", [])),
        pushed_at=pushed.astimezone(UTC) if isinstance(pushed, datetime) else None,
        bytes=int(raw.get("imageSizeInBytes", 0)),
        findings={str(key): int(value) for key, value in (scan.get("findingSeverityCounts") or {}).items()}
        if scan
        else None,
    )
