"""What deploy/README.md says to type can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.deploy.templates import DEPLOY, TEMPLATES, template
from tests.docs import shown_commands
from tests.test_docs import parse

TEXT = (DEPLOY / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
_INLINE = re.compile(r"`academyctl ([a-z][^`]*)`")
COMMANDS = [*shown_commands(TEXT), *(shlex.split(one[1]) for one in _INLINE.finditer(TEXT.replace("\n", " ")))]
DEPLOYS = [
    shlex.split(line)
    for block in re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    for line in block.splitlines()
    if line.startswith("aws cloudformation deploy")
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_academyctl_command_of_it_parses(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file that is to be read must be there.
    monkeypatch.chdir(tmp_path)
    Path("workers.env").touch()
    assert parse(words)


@pytest.mark.parametrize("words", DEPLOYS, ids=lambda words: words[words.index("--stack-name") + 1])
def test_a_deploy_command_gives_what_its_template_asks_for_and_nothing_else(words: list[str]) -> None:
    path = DEPLOY.parent / words[words.index("--template-file") + 1]
    parameters = template(path.name)["Parameters"]
    given = {one.partition("=")[0] for one in words if re.match(r"[A-Z]\w+=", one)}
    assert given - set(parameters) == set()
    assert {name for name, one in parameters.items() if "Default" not in one} - given == set()
    makes_names = any(one["Type"].startswith("AWS::IAM") for one in template(path.name)["Resources"].values())
    assert makes_names == ("CAPABILITY_NAMED_IAM" in words)


def test_every_template_stands_in_the_table_and_is_deployed_somewhere() -> None:
    used = {words[words.index("--template-file") + 1].rpartition("/")[2] for words in DEPLOYS}
    assert used == set(TEMPLATES)
    assert all(f"| `{name}`" in TEXT for name in TEMPLATES)
