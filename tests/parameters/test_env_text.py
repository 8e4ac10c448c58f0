"""The workers' environment in its three forms, as docker and the Batch entry point read them."""

from __future__ import annotations

import base64
import json

import pytest

from academyctl.contract.worker_env import BadEnv, Form, decode, parse, render

VALUES = {"DB_HOST": "db", "EMPTY": "", "URL": "a=b#c d", "한글": "값"}


@pytest.mark.parametrize("form", list(Form))
def test_every_form_is_read_as_it_was_written(form: Form) -> None:
    found = parse(render(VALUES, form))
    assert (found.form, dict(found.values)) == (form, VALUES)


def test_dotenv_is_read_as_docker_reads_it() -> None:
    found = parse('# a comment\n\n  A=1\nB="quoted"\nC= blank \nA=2\n')
    assert dict(found.values) == {"A": "2", "B": '"quoted"', "C": " blank "}
    assert found.repeated == ("A",)
    # What docker makes of a file with Windows line ends.
    assert parse("A=1\r\nB=2\r\n").values["A"] == "1\r"


def test_json_values_become_the_texts_that_an_environment_holds() -> None:
    assert dict(parse('{"A": 5432, "B": true, "C": null}').values) == {"A": "5432", "B": "true", "C": ""}


def test_base64_may_be_folded_and_any_other_base64_is_no_environment() -> None:
    text = base64.encodebytes(json.dumps({"A": "x" * 90}).encode()).decode()
    assert parse(text).values["A"] == "x" * 90
    with pytest.raises(BadEnv):
        parse(base64.b64encode(b"hello!").decode())


@pytest.mark.parametrize("text", ["hunter2", "A B=hunter2", "=hunter2", '{"A": ["hunter2"]}', '{"A": hunter2}'])
def test_what_is_no_environment_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadEnv) as refused:
        parse(text)
    assert "hunter2" not in str(refused.value)


def test_several_lines_in_a_value_need_json() -> None:
    with pytest.raises(BadEnv, match="KEY has several lines"):
        render({"KEY": "a\nb"}, Form.dotenv)
    assert parse(render({"KEY": "a\nb"}, Form.json)).values["KEY"] == "a\nb"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_whatever_windows_program_saved_it(encoding: str) -> None:
    assert dict(parse(decode("A=1\r\nB=값\r\n".encode(encoding))).values) == {"A": "1", "B": "값"}


def test_a_file_in_another_encoding_is_refused() -> None:
    with pytest.raises(BadEnv, match="no UTF-8"):
        decode("B=값".encode("cp949"))
