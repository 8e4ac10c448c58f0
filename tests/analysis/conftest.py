"""One pipeline for the tests of a module; each has objects of its own, and finds the queues empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from academyctl.local.stack import LocalStack
from academyctl.stores.sqs import Sqs
from tests.analysis.pipeline import Pipeline, pipeline
from tests.analysis_service import AnalysisService


@pytest.fixture(scope="module")
def shared_pipeline(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    service = AnalysisService(read=lambda _bucket, _key: b"", run=lambda _sql, _args: [{"id": 84}])
    with pipeline(stack.env(), tmp_path_factory.mktemp("pipeline"), service, notify=False) as made:
        yield made


@pytest.fixture
def pipe(shared_pipeline: Pipeline) -> Pipeline:
    sqs = Sqs(shared_pipeline.clients)
    sqs.purge(shared_pipeline.queue)
    sqs.purge(shared_pipeline.dlq)
    shared_pipeline.service.asked.clear()
    return shared_pipeline
