"""`worker run --env-from-ssm NAME`: the container's environment from an SSM parameter, as contract 13's entry point."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from academyctl.errors import AcademyError, Both, WorkFailed

if TYPE_CHECKING:
    from academyctl.cli._common import Session

WORKER_MODULE = "apps.api.config.settings.worker"
NEEDED = ("AWS_DEFAULT_REGION", "DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD", "REDIS_HOST")
"""Without one of these a worker would start and do harm or nothing: without Redis, for one, the API sees no progress.
What else a kind of worker needs is asked of the settings afterwards."""


def fill(here: Session, name: str, environ: MutableMapping[str, str]) -> None:
    """Set what the environment leaves open from the parameter. What the container says itself is nearer, and stays.

    Raises WorkFailed (exit 1, contract 13) whatever is wrong: a worker must never start on half of its settings.
    """
    from academyctl import output
    from academyctl.contract.worker_env import REQUIRED, BadEnv, parse

    try:
        # A session of its own: this one reads its settings when the parameter's are there.
        with here.opened(profile=here.profile, config=here.config) as before:
            found = before.stores().parameters.get(name)
    except AcademyError as error:
        raise WorkFailed(error.what, why=error.why, remedy=error.remedy, code=error.code) from error
    if found is None:
        raise _unusable(name, "there is no such parameter")
    try:
        values = parse(found.value).values
    except BadEnv as error:
        raise _unusable(name, str(error)) from error
    for key, value in values.items():
        if not environ.get(key, "").strip():
            environ[key] = value
    absent = [key for key in REQUIRED if not environ.get(key, "").strip()]
    missing = [key for key in NEEDED if key in absent]
    if missing:
        raise _unusable(name, "it lacks " + ", ".join(missing))
    module = environ.get("DJANGO_SETTINGS_MODULE", WORKER_MODULE)
    if module != WORKER_MODULE:
        raise _unusable(name, f"it is another service's: DJANGO_SETTINGS_MODULE is {module}, not {WORKER_MODULE}")
    if absent:
        output.note(f"warn  {name} (version {found.version}) lacks {', '.join(absent)}; the platform's worker needs it")


def _unusable(name: str, why: str) -> WorkFailed:
    return WorkFailed(
        f"no settings from the SSM parameter {name}",
        why=why,
        remedy=Both(
            "look at it and compare it with the file: academyctl ssm env show; academyctl ssm env diff FILE",
            "내용을 확인하고 파일과 비교하세요: academyctl ssm env show / academyctl ssm env diff FILE",
        ),
        code="env-from-ssm",
    )
