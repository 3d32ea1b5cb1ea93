"""`mmk12 verify` on a pipe and on gzip: the verdicts of the plain file, errors that name what the user named."""

import gzip
import json

import pytest
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.errors import BadInput, MissingData
from mmk12.evaluation import responses_file
from mmk12.evaluation.responses_file import open_responses

ROWS = "".join(json.dumps({"id": n, "response": str(n % 3), "gold": "1"}) + "\n" for n in range(40)).encode()


def run(*arguments, given=None):
    return CliRunner().invoke(app, ["verify", *map(str, arguments)], input=given)


def test_a_pipe_and_gzip_get_the_verdicts_of_the_plain_file(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(ROWS)
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(ROWS))
    plain = run(tmp_path / "rows.jsonl")
    assert plain.stdout.count('"status": "correct"') == 13
    assert run(tmp_path / "rows.jsonl.gz").stdout == plain.stdout == run("-", given=ROWS).stdout


def test_a_bad_row_is_named_by_what_the_user_wrote(tmp_path):
    for bad, expected in ((b'{"response": 1}\n', ", row 41: `response`"), (b"{\n", ":41: not valid JSON")):
        (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(ROWS + bad))
        out = tmp_path / "out.jsonl"
        found = run(tmp_path / "rows.jsonl.gz", "--out", out)
        assert isinstance(found.exception, BadInput)
        assert f"rows.jsonl.gz{expected}" in str(found.exception)
        assert str(run("-", given=ROWS + bad).exception).startswith(f"-{expected}")
        assert not out.exists()


def test_damaged_gzip_bombs_and_missing_files_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(responses_file, "_BLOCK", 1 << 12)
    whole = gzip.compress(ROWS)
    for name, data in (("cut", whole[:-9]), ("changed", whole[:30] + b"\0\0\0" + whole[33:]), ("text", ROWS)):
        (tmp_path / f"{name}.gz").write_bytes(data)
        with pytest.raises(BadInput, match=f"{name}.gz is not readable gzip"), open_responses(tmp_path / f"{name}.gz"):
            pass
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(1 << 24)))
    with pytest.raises(BadInput, match="more than 200 times"), open_responses(tmp_path / "bomb.gz"):
        pass
    with pytest.raises(MissingData), open_responses(tmp_path / "none.gz"):
        pass
