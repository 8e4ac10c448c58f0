"""`academyctl ecr check`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import typer

from academyctl.cli._columns import columns
from academyctl.cli._common import Session
from academyctl.errors import EXIT_FAILED, EXIT_OK, Both
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.ops.images import Checked
    from academyctl.stores import Stores
    from academyctl.stores._fleet_types import Host, JobDefinition
    from academyctl.stores.images import Image

ROLES = ("video", "ai", "messaging")


def check(here: Session, tag: str, *, fmt: Format) -> None:
    """The images that machines and Batch jobs start from."""
    from academyctl import output
    from academyctl.ops.images import judge

    fleet, stores = here.loaded.settings.fleet, here.stores()
    # A worker's repository, its container and its machines have one name (contract 8.6).
    names = {role: str(getattr(fleet, f"{role}_name_tag")) for role in ROLES}
    images, hosts, job = _gather(stores, names, fleet.batch_job)
    found = [
        judge(role, name, tag, images[name], [one for one in hosts if one.name_tag == name])
        for role, name in names.items()
    ]
    batch, remark = _of_batch(stores, job, images)
    found += [batch] if batch else []
    remarks = [remark or Both("", "")] if remark else []
    bad = any(one.bad for each in found for one in each.findings)
    output.emit(
        {
            "version": 1,
            "images": [_json(one, here.lang) for one in found],
            "job_definition": f"{job.name}:{job.revision}" if job else None,
            "remarks": [one.pick(here.lang) for one in remarks],
        },
        fmt=fmt,
        table=lambda: _table(found, remarks, here.lang),
    )
    raise typer.Exit(EXIT_FAILED if bad else EXIT_OK)


def _gather(
    stores: Stores, names: dict[str, str], definition: str
) -> tuple[dict[str, tuple[Image, ...] | None], tuple[Host, ...], JobDefinition | None]:
    for service in ("ecr", "ec2", "batch"):
        stores.fleet_clients(service)
    with ThreadPoolExecutor(5) as pool:
        asked = {name: pool.submit(stores.images.of, name) for name in names.values()}
        hosts = pool.submit(stores.fleet.instances, list(names.values()))
        job = pool.submit(stores.fleet.job_definition, definition)
        return {name: future.result() for name, future in asked.items()}, hosts.result(), job.result()


def _of_batch(
    stores: Stores, job: JobDefinition | None, images: dict[str, tuple[Image, ...] | None]
) -> tuple[Checked | None, Both | None]:
    """The image of the Batch job definition, or why there is nothing to check."""
    from academyctl.ops.images import judge
    from academyctl.stores._fleet_batch import ecr_name

    if job is None:
        return None, Both("there is no Batch job definition", "Batch 작업 정의가 없습니다")
    named = ecr_name(job.image)
    if named is None:
        return None, Both(
            f"the image of {job.name} is not in ECR: {job.image}", f"{job.name}의 이미지는 ECR에 없습니다: {job.image}"
        )
    repository, which = named
    known = images[repository] if repository in images else stores.images.of(repository)
    return judge("batch", repository, next(iter(which.values())), known), None


def _json(one: Checked, lang: str) -> dict[str, Any]:
    image = one.image
    return {
        "who": one.who,
        "repository": one.repository,
        "wanted": one.wanted,
        "digest": image.digest if image else None,
        "tags": list(image.tags) if image else [],
        "pushed_at": image.pushed_at if image else None,
        "bytes": image.bytes if image else None,
        "scan": dict(image.findings) if image and image.findings is not None else None,
        "findings": [{"text": found.text.pick(lang), "bad": found.bad} for found in one.findings],
    }


def _table(found: Sequence[Checked], remarks: Sequence[Both], lang: str) -> str:
    notes = [
        f"{'FAIL' if said.bad else 'warn'}  {one.who}: {said.text.pick(lang)}\n"
        for one in found
        for said in one.findings
    ]
    notes += [f"note  {remark.pick(lang)}\n" for remark in remarks]
    notes += [f"{_PUSH.pick(lang)}\n"] if any(one.image is None for one in found) else []
    heads = Both("for\timage\tdigest\tpushed\tsize\tscan", "대상\t이미지\t다이제스트\t올린 시각\t크기\t검사")
    return columns(heads.pick(lang).split("\t"), [_row(one, lang) for one in found]) + "".join(notes)


_PUSH = Both(
    "next  push the image under this tag (guide 004, step 3), or check another: academyctl ecr check --tag TAG",
    "다음  이 태그로 이미지를 올리거나(가이드 004의 3단계) 다른 태그를 확인하세요: academyctl ecr check --tag TAG",
)


def _row(one: Checked, lang: str) -> tuple[str, ...]:
    name, image = f"{one.repository}:{one.wanted}", one.image
    if one.wanted.startswith("sha256:"):
        name = f"{one.repository}@{one.wanted[:19]}"
    if image is None:
        return (one.who, name, Both("missing", "없음").pick(lang), "", "", "")
    pushed = f"{image.pushed_at:%Y-%m-%d %H:%M} UTC" if image.pushed_at else "-"
    scan = (
        "-" if image.findings is None else ", ".join(f"{word} {count}" for word, count in image.findings.items()) or "0"
    )
    return (one.who, name, image.digest[:19], pushed, f"{image.bytes / 2**20:.0f} MB", scan)
