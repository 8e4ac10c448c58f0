"""What the functions' store relies on in AWS, asked of both emulators; tests/local/gaps.py says where one is wrong."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterator

import pytest

from academyctl.errors import AwsError
from academyctl.local import resources
from academyctl.ops.lambda_plans import Configuration, Permission, see
from academyctl.ops.package import sha256
from academyctl.stores.aws import client_factory
from academyctl.stores.functions import Functions
from academyctl.stores.sqs import Sqs
from tests.conftest import Emulator

RULE = "arn:aws:events:ap-northeast-2:000000000000:rule/a-rule"


def code(body: str = "return {'seen': event}") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        # An entry of its own has no time of today in it.
        entry = zipfile.ZipInfo("lambda_function.py")
        archive.writestr(entry, f"def lambda_handler(event, context):\n    print('a line')\n    {body}\n")
    return packed.getvalue()


@pytest.fixture
def functions(aws_emulator: Emulator) -> Functions:
    return Functions(aws_emulator.clients)


@pytest.fixture
def configuration(aws_emulator: Emulator) -> Configuration:
    iam, trusted = aws_emulator.clients("iam"), {"Service": "lambda.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    if "lambda-tests" not in {one["RoleName"] for one in iam.list_roles()["Roles"]}:
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName="lambda-tests", AssumeRolePolicyDocument=document)
    arn = str(iam.get_role(RoleName="lambda-tests")["Role"]["Arn"])
    return Configuration(arn, timeout=7, memory=256, variables={"MODE": "publish"})


@pytest.fixture
def made(functions: Functions, configuration: Configuration) -> Iterator[str]:
    name = f"f-{uuid.uuid4().hex[:10]}"
    functions.create(name, code(), configuration.request())
    yield name
    if functions.raw(name) is not None:
        functions.delete(name)


def test_a_function_is_as_it_was_made_and_its_code_comes_back(
    functions: Functions, made: str, configuration: Configuration
) -> None:
    seen = see(functions, made)
    assert seen.configuration == configuration
    assert (seen.permissions, seen.reserved) == ((), None)
    assert seen.code_sha == sha256(code())
    assert made in functions.names()


def test_the_code_that_runs_can_be_downloaded(functions: Functions, made: str) -> None:
    assert functions.code(made) == code()


def test_a_change_against_an_old_revision_is_refused(functions: Functions, made: str) -> None:
    raw = functions.raw(made)
    assert raw is not None
    functions.configure(made, {"Timeout": 9}, revision=raw["RevisionId"])
    with pytest.raises(AwsError) as refused:
        functions.configure(made, {"Timeout": 11}, revision=raw["RevisionId"])
    assert refused.value.code == "PreconditionFailedException"
    with pytest.raises(AwsError):
        functions.update_code(made, code("return 2"), revision=raw["RevisionId"])
    now = functions.raw(made)
    assert now is not None
    assert (now["Timeout"], now["CodeSha256"]) == (9, sha256(code()))


def test_permissions_and_limits_are_set_and_taken_back(functions: Functions, made: str) -> None:
    functions.allow(made, "a-rule", "events.amazonaws.com", RULE)
    functions.reserve(made, 1)
    seen = see(functions, made)
    assert (seen.permissions, seen.reserved) == ((Permission("a-rule", "events.amazonaws.com", RULE),), 1)
    functions.forbid(made, "a-rule")
    functions.reserve(made, None)
    seen = see(functions, made)
    assert (seen.permissions, seen.reserved) == ((), None)


def test_a_run_tells_its_answer_its_error_and_its_log(functions: Functions, made: str) -> None:
    good = functions.invoke(made, '{"이름": 1}')
    assert (good.error, json.loads(good.payload)) == ("", {"seen": {"이름": 1}})
    assert "a line" in good.log
    functions.update_code(made, code("raise ValueError('no such queue')"))
    bad = functions.invoke(made)
    assert bad.error
    assert "no such queue" in bad.payload


def test_a_queue_feeds_a_function_until_it_is_switched_off(
    aws_emulator: Emulator, functions: Functions, made: str
) -> None:
    sqs, name = Sqs(aws_emulator.clients), f"{made}-queue"
    resources.create_queue(sqs, resources.QueueSpec(name, f"{name}-dlq", 60))
    arn = sqs.attributes(name).arn
    mapping = functions.map(made, arn, {"BatchSize": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"]})
    functions.mapping_settled(mapping, "Enabled")
    [found] = functions.mappings(made, source_arn=arn)
    assert (found["UUID"], found["BatchSize"]) == (mapping, 1)
    functions.enable_mapping(mapping, enabled=False)
    assert [one["State"] for one in functions.mappings(made)] == ["Disabled"]
    functions.unmap(mapping)
    assert [one for one in functions.mappings(made) if one["State"] != "Deleting"] == []
    sqs.remove(name)
    sqs.remove(f"{name}-dlq")


def test_a_sign_in_page_is_no_function_and_no_code(portal: str) -> None:
    clients = client_factory(region="ap-northeast-2", endpoint_url=portal, access_key="a", secret_key="b")
    functions = Functions(clients)
    for ask in (functions.raw, functions.code, functions.permissions, functions.names, functions.mappings):
        with pytest.raises(AwsError, match="not from AWS"):
            ask(*([] if ask == functions.names else ["a-function"]))


class Stuck:
    """Lambda, whose last change of a function failed."""

    def get_function_configuration(self, **_asked: str) -> dict[str, str]:
        return {"CodeSha256": "a", "State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no role"}


def test_a_function_whose_last_change_failed_can_be_changed_again() -> None:
    functions = Functions(lambda _service: Stuck())
    with pytest.raises(AwsError, match="no role"):
        functions.settled("a-function")
    assert functions.settled("a-function", failed=True)["CodeSha256"] == "a"


def test_an_image_has_no_zip_to_be_kept() -> None:
    with pytest.raises(AwsError, match="could not be downloaded"):
        Functions(lambda _service: Image()).code("a-function")


class Image:
    """Lambda, whose function is a container image."""

    def get_function(self, **_asked: str) -> dict[str, dict[str, str]]:
        return {"Code": {"ImageUri": "1.dkr.ecr.ap-northeast-2.amazonaws.com/a:1"}}


def test_what_is_not_there_is_none(functions: Functions) -> None:
    assert functions.raw("no-such-function") is None
    assert functions.permissions("no-such-function") == []
    with pytest.raises(AwsError) as missing:
        functions.configure("no-such-function", {"Timeout": 9})
    assert missing.value.cause == "missing"
