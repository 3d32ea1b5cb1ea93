"""SIGKILL right before each file operation of a conversion, then the same command: the bytes are those of no kill."""

import hashlib
import os
import shutil
import signal
import sys

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
from mmk12.conversion.convert import convert  # noqa: E402
from mmk12.errors import OutputError  # noqa: E402
from mmk12.utils import storage  # noqa: E402
from tests.conversion import upstream  # noqa: E402

pytestmark = pytest.mark.model

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "shutil.copyfile",
    "shutil.move",
)


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def kill_before(number, folder):
    """Makes this process kill itself right before its file operation `number` in `folder`."""
    seen = 0

    def count(event, arguments):
        nonlocal seen
        changes = event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING)
        if changes and isinstance(arguments[0], str | os.PathLike) and str(arguments[0]).startswith(str(folder)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def run_killed(number, source, out, shard_bytes):
    """Converts in a process of its own that dies at operation `number`; returns whether it came to the end before."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            kill_before(number, out)
            convert(str(source), out, shard_bytes=shard_bytes)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "shard_bytes"), [("native", 10**9), ("native", 60_000), ("remote", 60_000)])
def test_a_kill_before_any_file_operation(layout, shard_bytes, tmp_path):
    source, whole = upstream.build(tmp_path / "made", upstream.config("internlm2")), tmp_path / "whole"
    if layout == "remote":
        convert(str(source), tmp_path / "native")
        source = tmp_path / "native"
    assert convert(str(source), whole, shard_bytes=shard_bytes) == layout
    expected, points = hashes(whole), 0
    for number in range(1, 1000):
        out = tmp_path / "out"
        ended = run_killed(number, source, out, shard_bytes)
        if ended:
            break
        points += 1
        assert not (out / "config.json").exists() or (out / "conversion.json").exists(), number
        convert(str(source), out, shard_bytes=shard_bytes)
        assert hashes(out) == expected, f"killed before file operation {number}"
        shutil.rmtree(out)
    assert points >= 20


def test_a_folder_that_holds_only_the_mark_of_a_kill_is_empty(tmp_path):
    source, out = upstream.build(tmp_path / "made", upstream.config("qwen2")), tmp_path / "out"
    out.mkdir()
    (out / ".conversion.json.4711.part").touch()
    (out / ".lock").touch()
    convert(str(source), out)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_two_conversions_into_one_folder(tmp_path):
    source, out = upstream.build(tmp_path / "made", upstream.config("qwen2")), tmp_path / "out"
    with storage.lock_folder(out), pytest.raises(OutputError, match="Another run is writing"):
        convert(str(source), out)
