"""`academyctl host`: every machine with its place and its worker, in one command."""

from __future__ import annotations

from typing import Any

from tests.fleet import OwnFleet
from tests.hosts.conftest import ids
from tests.video_commands.conftest import Cli


def test_every_machine_is_listed_with_its_group_and_addresses(cli: Cli, park: OwnFleet) -> None:
    listed = cli("host", "list", "-o", "json")
    hosts = listed.json["hosts"]
    assert (listed.code, [one["role"] for one in hosts]) == (0, ["video", "ai", "messaging"])
    [video] = ids(park)
    assert hosts[0]["id"] == video
    assert (hosts[0]["group"], hosts[0]["lifecycle"], hosts[0]["state"]) == (
        park.names.video_asg,
        "InService",
        "running",
    )
    assert hosts[0]["name"] == park.names.video_name_tag
    assert (hosts[0]["type"], hosts[0]["template_version"], hosts[0]["protected"]) == ("t4g.medium", "1", False)
    table = cli("host", "list", "--role", "video")
    assert video in table.out
    assert hosts[0]["public_ip"] in table.out
    assert ids(park, "ai")[0] not in table.out


def test_a_machine_is_shown_with_the_job_of_its_worker(cli: Cli, park: OwnFleet, beating: Any) -> None:
    beating("video", instance_id=ids(park)[0], running=1, jobs=[{"queue": "q", "video_id": 111}])
    beating("video", instance_id="i-elsewhere", host="laptop")
    listed = cli("host", "list", "--role", "video")
    assert "video 111" in listed.out
    assert "a video worker beats elsewhere: i-elsewhere (pid 7), idle" in listed.out
    [host] = cli("host", "list", "--role", "video", "-o", "json").json["hosts"]
    assert (host["busy"], host["workers"][0]["jobs"]) == (True, ["video 111"])


def test_without_redis_the_machines_are_listed_all_the_same(cli: Cli) -> None:
    cli.set(REDIS_HOST="")
    listed = cli("host", "list", "--role", "video")
    assert (listed.code, "Redis is off" in listed.out) == (0, True)
    cli.set(REDIS_HOST="127.0.0.1", REDIS_PORT="9")
    away = cli("host", "list", "--role", "video", "--output", "json")
    assert (away.code, away.json["workers_seen"], len(away.json["hosts"])) == (0, False, 1)


def test_a_stopped_machine_is_listed_on_demand_and_missed_in_its_group(cli: Cli, park: OwnFleet) -> None:
    park.clients("ec2").stop_instances(InstanceIds=ids(park))
    listed = cli("host", "list", "--role", "video", "-o", "json")
    assert (listed.code, listed.json["hosts"]) == (1, [])
    assert "no running EC2 instance" in listed.json["problems"][0]
    [stopped] = cli("host", "list", "--role", "video", "--all", "-o", "json").json["hosts"]
    assert stopped["state"] == "stopped"


def test_a_missing_group_and_a_missing_api_machine_fail(cli: Cli) -> None:
    cli.set(VIDEO_WORKER_ASG_NAME="no-such-group")
    assert cli("host", "list", "--role", "video").code == 1
    assert cli("host", "list", "--role", "messaging").code == 0
    api = cli("--lang", "ko", "host", "list", "--role", "api")
    assert (api.code, "실행 중인 API 서버가 없습니다" in api.out) == (1, True)
    assert cli("host", "list", "--role", "vidio").code == 2


def test_a_machine_that_stands_alone_is_found_by_its_name(cli: Cli, park: OwnFleet) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": park.names.api_name_tag}]}]
    ec2 = park.clients("ec2")
    [made] = ec2.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"]
    listed = cli("host", "list", "--role", "api", "-o", "json")
    assert (listed.code, [one["id"] for one in listed.json["hosts"]]) == (0, [made["InstanceId"]])
    ec2.terminate_instances(InstanceIds=[made["InstanceId"]])


def test_one_machine_is_shown_by_its_id_or_any_address(cli: Cli, park: OwnFleet) -> None:
    [video] = ids(park)
    host = cli("host", "show", video, "-o", "json").json["host"]
    assert host["login"][0] == f"ssh -i video-worker-key.pem ec2-user@{host['public_ip']}"
    for address in (host["private_ip"], host["public_ip"], host["dns"]):
        assert cli("host", "show", address, "-o", "json").json["host"]["id"] == video
    shown = cli("host", "show", video)
    assert f"{park.names.video_asg}  InService" in shown.out
    assert "version 1" in shown.out


def test_no_such_machine_fails_with_where_to_look(cli: Cli) -> None:
    for which in ("i-0123456789abcdef0", "i-x", "10.9.9.9"):
        gone = cli("host", "show", which)
        assert (gone.code, "academyctl host list --all" in gone.err) == (1, True)
