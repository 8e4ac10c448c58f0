"""Are the workers' container images there, and are they what runs: judged from what ECR, EC2 and Batch tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from academyctl.errors import Both

if TYPE_CHECKING:
    from academyctl.stores._fleet_types import Host
    from academyctl.stores.images import Image

BAD = ("CRITICAL", "HIGH")
SHOWN = 3
"""Machines that a sentence names."""


@dataclass(frozen=True)
class Finding:
    """What is to be said of an image; `bad` ones mean that nothing can be started from it."""

    text: Both
    bad: bool


@dataclass(frozen=True)
class Checked:
    """An image that something starts from: `who` (a role's word, or `batch`), where it is, and what was found."""

    who: str
    repository: str
    wanted: str
    image: Image | None
    findings: tuple[Finding, ...]


def judge(
    who: str, repository: str, wanted: str, images: Sequence[Image] | None, hosts: Iterable[Host] = ()
) -> Checked:
    """An image by its tag or digest among a repository's, newest first; `hosts` are the machines that run it."""
    if images is None:
        gone = Both(f"there is no repository {repository}", f"리포지토리 {repository}이(가) 없습니다")
        return Checked(who, repository, wanted, None, (Finding(gone, bad=True),))
    image = next((one for one in images if wanted in (*one.tags, one.digest)), None)
    if image is None:
        there = ", ".join(tag for one in images[:5] for tag in one.tags) or "-"
        gone = Both(
            f"{repository} has no image {wanted}; its newest tags: {there}",
            f"{repository}에 {wanted} 이미지가 없습니다. 최근 태그: {there}",
        )
        return Checked(who, repository, wanted, None, (Finding(gone, bad=True),))
    return Checked(who, repository, wanted, image, tuple(_remarks(repository, wanted, image, images, list(hosts))))


def _remarks(
    repository: str, wanted: str, image: Image, images: Sequence[Image], hosts: Sequence[Host]
) -> Iterable[Finding]:
    newest = images[0]
    if newest.pushed_at and image.pushed_at and newest.pushed_at > image.pushed_at:
        name = ", ".join(newest.tags) or newest.digest[:19]
        text = Both(
            f"{repository}:{wanted} is not the newest image; {name} was pushed later",
            f"{repository}:{wanted}은(는) 최신이 아닙니다. 더 늦게 올라온 이미지: {name}",
        )
        yield Finding(text, bad=False)
    # A machine pulls the tag when it starts, and never again.
    pushed = image.pushed_at
    old = [one for one in hosts if pushed and one.launched_at and one.launched_at < pushed and one.state == "running"]
    if old:
        named = ", ".join(one.id for one in old[:SHOWN]) + (" ..." if len(old) > SHOWN else "")
        text = Both(
            f"{len(old)} of {len(hosts)} machines started before it was pushed and run an older one: {named}",
            f"{len(hosts)}대 중 {len(old)}대는 이 이미지가 올라오기 전에 시작되어 이전 이미지를 실행 중입니다: {named}",
        )
        yield Finding(text, bad=False)
    bad = {word: image.findings[word] for word in BAD if image.findings and image.findings.get(word)}
    if bad:
        told = ", ".join(f"{word} {count}" for word, count in bad.items())
        text = Both(f"its scan found: {told}", f"취약점 검사 결과: {told}")
        yield Finding(text, bad=False)
