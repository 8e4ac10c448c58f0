"""R2 on the real stack: a key that may list and not read, and rules that shut players out."""

from __future__ import annotations

import os
from typing import Any

from academyctl.local.stack import LocalStack
from academyctl.stores import Stores
from checks._model import State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed
from tests.faults.diagnosis.test_base import _key_with

Env = dict[str, str]
# R2's own address for a public bucket: no CDN's rules are in between.
_DIRECT = {"R2_PUBLIC_BASE_URL": "https://pub-0f.r2.dev", "SITE_URL": "https://academy.example.kr"}


def test_a_key_that_may_list_and_not_read_is_told_from_a_good_one(steady_env: Env, stack: LocalStack) -> None:
    key, hidden = _key_with(stack, f"diag-list-alone-{os.getpid()}", ["s3:ListBucket", "s3:GetBucketCORS"])
    found = diagnosed({**steady_env, "R2_ACCESS_KEY": key, "R2_SECRET_KEY": hidden}, ["r2"])
    assert {one.code for one in red(found)} == {"r2.bucket-unreadable"}
    assert (found.verdict, found.state, exit_code(found.state)) == (Verdict.settings, State.fail, 1)


def test_a_key_that_may_not_read_the_rules_is_no_fault(steady_env: Env, stack: LocalStack) -> None:
    key, hidden = _key_with(stack, f"diag-no-cors-{os.getpid()}", ["s3:ListBucket", "s3:GetObject"])
    found = diagnosed({**steady_env, **_DIRECT, "R2_ACCESS_KEY": key, "R2_SECRET_KEY": hidden}, ["r2"])
    assert found.verdict is Verdict.healthy
    assert "AccessDenied" in str([one for one in found.findings if one.code == "r2.cors"])


def test_players_that_r2s_own_rules_shut_out_are_told(platform_env: Env, stores: Stores) -> None:
    bucket = stores.settings.r2.video_bucket
    client: Any = stores.r2._client
    assert diagnosed(platform_env, ["r2"]).verdict is Verdict.healthy
    env = {**platform_env, **_DIRECT}
    found = diagnosed(env, ["r2"])
    assert [one.key for one in roots(found.findings)] == [f"r2.cors-closed={bucket}"]
    assert (found.verdict, found.state) == (Verdict.settings, State.warn)
    rule = {"AllowedMethods": ["GET", "HEAD"], "AllowedOrigins": ["https://*.example.kr"]}
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert diagnosed(env, ["r2"]).verdict is Verdict.healthy
