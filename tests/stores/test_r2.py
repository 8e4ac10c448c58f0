"""Objects: the contract's types, folders instead of prefixes, ranges that never mix two versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from academyctl.errors import AwsError, UsageError
from academyctl.stores import Stores
from academyctl.stores.r2 import R2


@pytest.fixture
def bucket(stores: Stores) -> str:
    return stores.settings.r2.video_bucket


def test_an_absent_object_is_none_and_an_absent_bucket_is_an_error(stores: Stores, bucket: str) -> None:
    assert stores.r2.head(bucket, "tenants/1/nothing") is None
    with pytest.raises(AwsError) as caught:
        stores.r2.head("no-such-bucket-here", "x")
    assert caught.value.cause == "missing"


def test_listing_refuses_a_prefix_that_is_no_folder(stores: Stores, bucket: str) -> None:
    """Without the slash, video 1 also names 10, 12 and 1234."""
    for prefix in ("tenants/1/video/hls/1", "", "/"):
        with pytest.raises(UsageError):
            list(stores.r2.list(bucket, prefix))


def test_a_folder_lists_only_its_own_objects(stores: Stores, bucket: str) -> None:
    for video in (1, 12, 1234):
        stores.r2.put(bucket, f"list/{video}/a.ts", b"x")
    assert [head.key for head in stores.r2.list(bucket, "list/1/")] == ["list/1/a.ts"]


def test_a_stream_starts_where_it_is_asked_to(stores: Stores, bucket: str) -> None:
    stores.r2.put(bucket, "range.bin", bytes(range(256)))
    assert b"".join(stores.r2.stream(bucket, "range.bin", start=250)) == bytes(range(250, 256))


def test_a_stream_of_a_replaced_object_is_an_error_not_a_mixture(stores: Stores, bucket: str) -> None:
    stores.r2.put(bucket, "swap.bin", b"old")
    head = stores.r2.head(bucket, "swap.bin")
    assert head is not None
    stores.r2.put(bucket, "swap.bin", b"new!")
    with pytest.raises(AwsError):
        b"".join(stores.r2.stream(bucket, "swap.bin", etag=head.etag))


def test_deleting_confirms_each_key(stores: Stores, bucket: str) -> None:
    stores.r2.put(bucket, "gone/a.ts", b"x")
    assert stores.r2.delete(bucket, ["gone/a.ts", "gone/never-there.ts"]) == {}
    assert list(stores.r2.list(bucket, "gone/")) == []


def test_objects_carry_the_contracts_type_and_cache_rule(stores: Stores, bucket: str, tmp_path: Path) -> None:
    path = tmp_path / "index0.ts"
    path.write_bytes(b"ts")
    stores.r2.put(bucket, "types/index0.ts", path)
    raw = stores.r2._client.head_object(Bucket=bucket, Key="types/index0.ts")
    assert (raw["ContentType"], raw["CacheControl"]) == ("video/MP2T", "public, max-age=31536000, immutable")


def test_a_wrong_secret_is_a_credentials_problem(stores: Stores, bucket: str) -> None:
    from pydantic import SecretStr

    wrong = stores.settings.r2.model_copy(update={"secret_key": SecretStr("not-the-secret-at-all")})
    with pytest.raises(AwsError) as caught:
        R2(wrong).check_bucket(bucket)
    assert caught.value.cause == "auth"
