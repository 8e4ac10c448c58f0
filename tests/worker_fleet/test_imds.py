"""The instance metadata client against a service that wants its tokens (IMDSv2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from academyctl.errors import CannotTell
from academyctl.stores import imds as store
from tests.imds import Imds


@pytest.fixture
def served() -> Iterator[Imds]:
    with Imds("i-0123456789abcdef0") as imds:
        yield imds


@pytest.fixture
def client(served: Imds) -> store.Imds:
    made = store.from_environment(served.env)
    assert made is not None
    return made


def test_an_instance_in_service_has_an_id_and_no_notice(client: store.Imds) -> None:
    assert client.instance_id() == "i-0123456789abcdef0"
    assert client.fate() == store.Fate(target="InService")


def test_every_notice_is_heard_with_its_time(served: Imds, client: store.Imds) -> None:
    served.notice(seconds=120)
    served.rebalance()
    served.target("Terminated")
    fate = client.fate()
    assert fate.spot_at is not None
    assert 118 <= (fate.spot_at - datetime.now(UTC)).total_seconds() <= 120
    assert (fate.rebalance, fate.target) == (True, "Terminated")


def test_an_instance_of_no_group_has_no_target_state() -> None:
    with Imds(in_group=False) as served:
        made = store.from_environment(served.env)
        assert made is not None
        assert made.fate().target == ""


def test_an_expired_token_is_renewed(served: Imds, client: store.Imds) -> None:
    client.instance_id()
    served.forget_tokens()
    assert client.instance_id() == served.instance_id
    assert len(served.asked) == 3, "asked, refused, asked again"


def test_a_notice_that_nobody_understands_does_not_pass_for_none(served: Imds, client: store.Imds) -> None:
    served._answers["spot/instance-action"] = "<html>"
    with pytest.raises(CannotTell, match="cannot be read"):
        client.fate()


@pytest.mark.parametrize("page", ["<html>\n<title>sign in</title>", "로그인", "plain"])
def test_another_service_at_that_address_is_no_instance_and_its_words_are_not_kept(
    served: Imds, client: store.Imds, page: str
) -> None:
    served.page = page
    with pytest.raises(CannotTell):
        client.instance_id()
    served.page = ""
    assert client.instance_id() == served.instance_id


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://127.0.0.1:port", "nowhere"])
def test_an_endpoint_that_is_no_address_is_no_instance(endpoint: str) -> None:
    with pytest.raises(CannotTell):
        store.Imds(endpoint).instance_id()


def test_a_spot_notice_is_heard_though_nothing_else_is_answered(served: Imds, client: store.Imds) -> None:
    served.notice()
    served.broken = {"events/recommendations/rebalance", "autoscaling/target-lifecycle-state"}
    assert client.fate().spot_at is not None


def test_a_machine_that_is_no_instance_says_so() -> None:
    with pytest.raises(CannotTell, match="no instance metadata"):
        store.Imds("http://127.0.0.1:9").instance_id()


def test_metadata_can_be_switched_off_and_is_asked_at_awss_address_else() -> None:
    assert store.from_environment({"AWS_EC2_METADATA_DISABLED": "TRUE"}) is None
    usual = store.from_environment({})
    assert usual is not None
    assert usual._endpoint == "http://169.254.169.254"
