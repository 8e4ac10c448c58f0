"""`academyctl worker`: run a worker, ask whether it is healthy, list all that beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.errors import EXIT_FAILED, EXIT_OK, AwsError, Both, WorkFailed
from academyctl.output import Format

if TYPE_CHECKING:
    from academyctl.settings import Loaded, Settings
    from workers._model import Worker

app = typer.Typer(help="Run workers and ask for their health.", no_args_is_help=True)

Kind = Annotated[str, typer.Argument(metavar="WORKER", help="Which worker: a name of the folder workers/, as video.")]


# None = the setting of that name.
Concurrency = Annotated[
    int | None, typer.Option(help="Handler threads (setting worker.concurrency).", min=1, max=64, show_default=False)
]
Grace = Annotated[
    float | None,
    typer.Option(help="Seconds a running job gets after SIGTERM (setting worker.grace_s).", min=0, show_default=False),
]
Wait = Annotated[
    int | None, typer.Option(help="Seconds of a long poll (setting worker.wait_s).", min=0, max=20, show_default=False)
]
Port = Annotated[
    int | None, typer.Option(help="Serve Prometheus metrics; 0 = do not.", min=0, max=65535, show_default=False)
]


Types = Annotated[
    str | None,
    typer.Option(help="Job types that the ai worker takes, by commas (setting ai.types).", show_default=False),
]
IdleExit = Annotated[
    float | None,
    typer.Option(
        "--idle-exit", help="Exit 0 after so many seconds idle; 0 = never (setting worker.idle_exit_s).", min=0,
        show_default=False,
    ),
]  # fmt: skip
LeaveAsg = Annotated[
    bool | None,
    typer.Option(
        "--leave-asg/--stay", help="With --idle-exit: end this EC2 instance, desired - 1 (setting worker.leave_asg).",
        show_default=False,
    ),
]  # fmt: skip
Job = Annotated[str, typer.Option("--job", help="video: encode this job (a UUID), no queue is read; or VIDEO_JOB_ID.")]
Message = Annotated[
    str, typer.Option("--message", help="video: handle this message (JSON), no queue is read; or VIDEO_JOB_MESSAGE.")
]
FromSsm = Annotated[
    str, typer.Option("--env-from-ssm", metavar="NAME", help="First set the environment from this SSM parameter.")
]


@app.command()
def run(
    ctx: typer.Context,
    worker: Kind,
    once: Annotated[bool, typer.Option("--once", help="Take one message, at most one poll long, then exit.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="Exit when the queue is empty and nothing runs.")] = False,
    concurrency: Concurrency = None,
    max_jobs: Annotated[int, typer.Option("--max-jobs", help="Exit 0 after so many jobs; 0 = never.", min=0)] = 0,
    max_rss: Annotated[
        int, typer.Option("--max-rss", help="Take no more jobs and exit 0 when more MB are in use.", min=0)
    ] = 0,
    grace: Grace = None,
    wait: Wait = None,
    metrics_port: Port = None,
    types: Types = None,
    empty_ok: Annotated[
        bool, typer.Option("--empty-ok", help="analysis --once: exit 0, not 3, when there is no message.")
    ] = False,
    idle_exit: IdleExit = None,
    leave_asg: LeaveAsg = None,
    job: Job = "",
    message: Message = "",
    env_from_ssm: FromSsm = "",
    log_format: Annotated[str, typer.Option("--log-format", help="text or json.", show_default=False)] = "",
) -> int:
    """Handle a queue until stopped. SIGTERM ends it in order: exit 0; a second signal at once: exit 130."""
    import os

    from academyctl import log
    from academyctl.settings import secret_values
    from academyctl.stores import Stores
    from workers import _find, _health
    from workers._loop import RunOptions
    from workers._loop import run as run_loop

    _find.check(worker)
    if env_from_ssm:
        from academyctl.cli._worker_env import fill

        fill(session(ctx), env_from_ssm, os.environ)
    environ = _with_job(worker, job, message)
    loaded = session(ctx).loaded
    if _missing(loaded, worker):
        return EXIT_FAILED
    settings = _with_types(loaded.settings, worker, types)
    said = settings.worker
    made = _find.make(worker, settings)
    # What AWS Batch runs speaks JSON, as the platform's container does (contract 13).
    usual = "json" if worker == "video" and _names_job(environ) else said.log_format
    log.setup(prefix=made.log_prefix, as_json=_format(log_format or usual), secrets=secret_values(settings))
    alone = _find.direct(worker, settings, environ)
    if alone is not None:
        return alone
    options = RunOptions(
        once=once,
        drain=drain,
        concurrency=concurrency or _threads(loaded, made),
        max_jobs=max_jobs,
        max_rss_mb=max_rss,
        grace_s=said.grace_s if grace is None else grace,
        wait_s=_wait_s(settings, worker) if wait is None else wait,
        idle_exit_s=said.idle_exit_s if idle_exit is None else idle_exit,
        leave_asg=said.leave_asg if leave_asg is None else leave_asg,
        metrics_port=said.metrics_port if metrics_port is None else metrics_port,
        metrics_address=said.metrics_address,
        health_file=_health.path_for(settings, made.kind),
        exit_code=_find.exit_code(worker, once=once, empty_ok=empty_ok),
    )
    stores = Stores(settings)
    try:
        return run_loop(made, stores, options)
    except AwsError as error:
        # Of one upload's exit codes 3 is 'no message', which is final; this is not.
        if not (once and worker == "analysis"):
            raise
        raise WorkFailed(error.what, why=error.why, remedy=error.remedy) from error
    finally:
        stores.close()


@app.command()
def health(
    ctx: typer.Context,
    worker: Annotated[str, typer.Argument(metavar="[WORKER]", help="Which worker; default: every one found.")] = "",
    fmt: OutputOption = Format.table,
) -> int:
    """Exit 0 only if the worker on this machine turns and its keeper beats; for a container's HEALTHCHECK."""
    from datetime import UTC, datetime

    from academyctl import output
    from workers import _find, _health

    if worker:
        _find.check(worker)
    settings = session(ctx).loaded.settings
    kinds = [worker] if worker else [kind for kind in _find.words() if _health.path_for(settings, kind).exists()]
    found = []
    for kind in kinds:
        path = _health.path_for(settings, kind)
        document = _health.read(path)
        wrong = _health.judge(document, datetime.now(UTC))
        found.append({"worker": kind, "healthy": not wrong, "why": wrong, "file": str(path), "says": document})
    if not found:
        found.append({"worker": worker, "healthy": False, "why": "no worker runs on this machine", "says": None})
    healthy = all(one["healthy"] for one in found)
    lines = [("ok" if one["healthy"] else "FAIL", one["worker"] or "-", one["why"] or "turning") for one in found]
    output.emit(
        {"version": 1, "healthy": healthy, "workers": found},
        fmt=fmt,
        table=lambda: output.rows(("", "worker", "why"), lines),
    )
    return EXIT_OK if healthy else EXIT_FAILED


@app.command(name="list")
def list_(ctx: typer.Context, fmt: OutputOption = Format.table) -> int:
    """Every worker whose heartbeat is in Redis, and what it does now."""
    from academyctl import output
    from academyctl.contract import keys

    redis = session(ctx).stores().redis
    beats = [beat for key in redis.scan(keys.worker_heartbeats()) if (beat := redis.get_json(key))]
    columns = ("worker", "host", "pid", "since", "beat", "version", "jobs")
    output.emit(
        {"version": 1, "workers": beats},
        fmt=fmt,
        table=lambda: output.rows(columns, [_line(beat) for beat in beats]) if beats else "no worker beats\n",
    )
    return EXIT_OK


def _missing(loaded: Loaded, worker: str) -> bool:
    """Say every missing setting as the platform's workers did (contract 10); whether there is one."""
    from academyctl import output
    from academyctl.contract import logtokens
    from academyctl.settings import REQUIRED, missing

    names = missing(loaded, worker) if worker in REQUIRED else []
    for name in names:
        output.note(logtokens.CONFIG_ERROR.format(name=name))
    if names:
        where = Both(
            f"next: set {', '.join(names)} in the environment or in the settings file (the profile `local` reads only "
            "the file); all of them: academyctl config check",
            f"다음: {', '.join(names)}을(를) 환경 변수나 설정 파일에 지정하세요(`local`은 설정 파일만 읽음). "
            "전체 확인: academyctl config check",
        )
        output.note(output.as_typed(where.pick(output.lang())))
    return bool(names)


def _threads(loaded: Loaded, made: Worker) -> int:
    """Handler threads: the setting where somebody has set it, else what is usual for this kind of worker."""
    said = loaded.settings.worker.concurrency
    return said if loaded.sources["worker.concurrency"] != "default" else made.threads or said


def _wait_s(settings: Settings, worker: str) -> int:
    """The messaging worker of the platform had a setting of its own; the shorter of the two is meant."""
    usual = settings.worker.wait_s
    return min(usual, settings.solapi.wait_s) if worker == "messaging" else usual


def _with_types(settings: Settings, worker: str, types: str | None) -> Settings:
    """The settings with --types in them. Raises UsageError for a worker whose jobs have no types."""
    from academyctl.errors import UsageError

    if types is None:
        return settings
    if worker != "ai":
        raise UsageError(
            Both(f"the {worker} worker knows no job types", f"{worker} 워커에는 작업 종류가 없습니다"),
            remedy=Both("--types is for: worker run ai", "--types는 worker run ai에만 씁니다"),
        )
    return settings.model_copy(update={"ai": settings.ai.model_copy(update={"types": types})})


def _with_job(worker: str, job: str, message: str) -> dict[str, str]:
    """The environment with --job and --message in it. Raises UsageError for a worker that has neither."""
    import os

    from academyctl.errors import UsageError

    if (job or message) and worker != "video":
        raise UsageError(
            Both(f"the {worker} worker takes no single job", f"{worker} 워커는 작업 하나만 받을 수 없습니다"),
            remedy=Both(
                "--job and --message are for: worker run video", "--job과 --message는 worker run video에만 씁니다"
            ),
        )
    if job and message:
        raise UsageError(
            Both("--job and --message name one job each", "--job과 --message는 함께 쓸 수 없습니다"),
            remedy=Both("say one of the two", "하나만 지정하세요"),
        )
    said = {"VIDEO_JOB_ID": job, "VIDEO_JOB_MESSAGE": message} if job or message else {}
    return {**os.environ, **said}


def _names_job(environ: dict[str, str]) -> bool:
    return any(environ.get(name, "").strip() for name in ("VIDEO_JOB_ID", "VIDEO_JOB_MESSAGE"))


def _format(said: str) -> bool:
    from academyctl.errors import UsageError

    if said not in ("text", "json"):
        raise UsageError(
            Both(f"unknown log format '{said}'", f"알 수 없는 로그 형식 '{said}'"),
            remedy=Both("text or json", "text 또는 json"),
        )
    return said == "json"


def _line(beat: dict[str, Any]) -> tuple[Any, ...]:
    named = ("video_id", "job_id", "stage")
    jobs = [" ".join(f"{key}={job[key]}" for key in named if job.get(key)) for job in beat.get("jobs", [])]
    more = beat.get("running", len(jobs)) - len(jobs)
    # What comes by the hundred has no id that is worth a line: its number says it.
    known = [*filter(None, jobs), *([f"{len(jobs) + more} running"] if more or not all(jobs) else [])]
    doing = "; ".join(known) or ("stopping" if beat.get("stopping") else "idle")
    return (*(beat.get(key) for key in ("kind", "host", "pid", "started_at", "beat_at", "version")), doing)
