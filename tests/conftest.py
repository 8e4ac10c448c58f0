"""The local stack that users get, started once a run; each test has a database, a queue and a bucket of its own."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from academyctl.local import environment, processes, resources, sample, services
from academyctl.local import state as remembered
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores
from academyctl.stores.aws import ClientFactory, client_factory
from academyctl.stores.videos import VideoRow
from tests.databases import Databases
from tests.local.gaps import GAPS

_NUMBERS = itertools.count(1)
_REDIS_DB = "1"
_OURS = ("AWS_", "R2_", "DB_", "REDIS_", "SOLAPI_", "VIDEO_", "AI_", "MESSAGING_", "ACADEMYCTL_", "EXCEL_", "HLS_")


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """The machine's own AWS keys and settings must not reach a test, nor a test them."""
    ours = [name for name in os.environ if name.startswith(_OURS) and name != "ACADEMYCTL_TEST_STACK_DIR"]
    kept = {name: os.environ.pop(name) for name in ours}
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["ACADEMYCTL_LANG"] = "en"
    yield
    os.environ.update(kept)


@pytest.fixture(scope="session", autouse=True)
def interrupts_reach_children() -> None:
    """A run in a shell's background starts with SIGINT ignored, and every program that it starts inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack; ACADEMYCTL_TEST_STACK_DIR names one that is up already, which is then left running."""
    reused = os.environ.get("ACADEMYCTL_TEST_STACK_DIR")
    running = LocalStack(Path(reused) if reused else tmp_path_factory.mktemp("stack"))
    try:
        running.up()
        yield running
    finally:
        if not reused:
            running.down(wipe=True)


@cache
def _shared(env: tuple[tuple[str, str], ...]) -> tuple[Stores, ClientFactory]:
    """One set of clients for all fixtures: making a client costs more than a test's whole setup."""
    stores = Stores(load({**dict(env), "REDIS_DB": _REDIS_DB}).settings)
    return stores, stores.aws_clients()


@pytest.fixture(scope="session")
def databases(stack: LocalStack) -> Iterator[Databases]:
    """Where tests borrow an empty database."""
    pool = Databases(stack)
    yield pool
    pool.close()


@pytest.fixture
def platform_env(stack: LocalStack, databases: Databases) -> Iterator[dict[str, str]]:
    """The platform's environment over a test's own database, Redis db (emptied), video queue with DLQ, and bucket."""
    unique = f"t{os.getpid()}-{next(_NUMBERS)}"
    database, bucket = databases.take(), f"academy-video-{unique}"
    env = {
        **stack.env(),
        "DB_NAME": database,
        "REDIS_DB": _REDIS_DB,
        "R2_BUCKET": bucket,
        "R2_VIDEO_BUCKET": bucket,
        "VIDEO_SQS_QUEUE_NAME": f"{unique}-video",
        "ACADEMYCTL_LOCAL_DIR": str(stack.folder),
    }
    shared, clients = _shared(tuple(stack.env().items()))
    spec = resources.queue_specs(load(env).settings.queues)[0]
    resources.create_queue(shared.sqs, spec)
    clients("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": environment.REGION})
    shared.redis.delete(*shared.redis.scan("*"))
    yield env
    shared.sqs.remove(spec.name)
    shared.sqs.remove(spec.dlq)
    databases.give_back(database)


@pytest.fixture
def stores(platform_env: dict[str, str]) -> Iterator[Stores]:
    """Stores over `platform_env`."""
    opened = Stores(load(platform_env).settings)
    yield opened
    opened.close()


@pytest.fixture
def database(stack: LocalStack, databases: Databases) -> Iterator[dict[str, str]]:
    """The stack's environment over a database of the test's own, with the platform's empty tables."""
    name = databases.take()
    yield {**stack.env(), "DB_NAME": name}
    databases.give_back(name)


@dataclass(frozen=True)
class Emulator:
    """A running AWS emulator: its name and clients that may do everything."""

    name: str
    endpoint: str
    clients: ClientFactory


@pytest.fixture(scope="session")
def moto_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """moto alone, without the rest of a stack."""
    folder, state = tmp_path_factory.mktemp("moto"), remembered.fresh("moto")
    process = services.start_aws(folder, state)
    try:
        processes.wait_until(
            lambda: services.aws_ready(state), process, what="moto", log=services.log_file(folder, "aws")
        )
        endpoint = f"http://127.0.0.1:{state.ports['aws']}"
        key, secret = state.secrets["root_key"], state.secrets["root_secret"]
        clients = client_factory(region=environment.REGION, endpoint_url=endpoint, access_key=key, secret_key=secret)
        yield Emulator("moto", endpoint, clients)
    finally:
        processes.stop(process)
        processes.sweep(folder)


@pytest.fixture(params=services.EMULATORS)
def aws_emulator(request: pytest.FixtureRequest) -> Emulator:
    """Each emulator in turn. Where tests/local/gaps.py knows it to differ from AWS, the test must fail."""
    if request.param == "moto":
        emulator: Emulator = request.getfixturevalue("moto_emulator")
    else:
        env = request.getfixturevalue("stack").env()
        emulator = Emulator(request.param, env["AWS_ENDPOINT_URL"], _shared(tuple(env.items()))[1])
    gap = GAPS.get((emulator.name, request.node.originalname))
    if gap:
        request.applymarker(pytest.mark.xfail(reason=gap, strict=True))
    return emulator


def eventually(seen: Callable[[], Any], timeout: float = 10, every: float = 0.02) -> Any:
    """Wait until `seen()` is true and return it; fail with the last value after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := seen()):
        if time.monotonic() > deadline:
            pytest.fail(f"not seen within {timeout} s (last: {value!r})")
        time.sleep(every)
    return value


def use_queue(stores: Stores, name: str, *, max_receive: int = 3, visibility_s: int = 30) -> None:
    """Make a test's queue anew with another redrive limit."""
    stores.sqs.remove(name)
    spec = resources.QueueSpec(name, f"{name}-dlq", visibility_s)
    resources.create_queue(stores.sqs, spec, max_receive=max_receive)


def make_session(stores: Stores, *, code: str = "demo") -> tuple[int, int]:
    """(session id, tenant id) of a tenant, made when the database has none of that code."""
    found = stores.db.query(
        "SELECT s.id, t.id AS tenant_id FROM core_tenant t JOIN lectures_lecture l ON l.tenant_id = t.id "
        "JOIN lectures_session s ON s.lecture_id = l.id WHERE t.code = %s LIMIT 1",
        (code,),
    )
    if found:
        return found[0]["id"], found[0]["tenant_id"]
    with stores.db.tx() as cursor:
        tenant_id = sample.make_tenant(cursor, code=code)
        return sample.make_session(cursor, sample.make_lecture(cursor, tenant_id)), tenant_id


def make_video(stores: Stores, *, status: str = "UPLOADED", code: str = "demo", **values: Any) -> VideoRow:
    """A video of a state, with what it needs around it; `values` are columns."""
    session_id, tenant_id = make_session(stores, code=code)
    with stores.db.tx() as cursor:
        video_id = sample.insert_video(cursor, session_id, tenant_id, status=status, **values)
    row = stores.videos.row(video_id)
    assert row is not None
    return replace(row)
