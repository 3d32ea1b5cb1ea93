"""Archives are read in place; what is hostile, torn or no archive at all gets one line and opens nothing."""

import io
import os
import tarfile
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from mmk12.datasets.files import Files
from mmk12.errors import BadInput
from mmk12.utils import archives
from mmk12.utils.images import BadImage
from tests.datasets.raw import zip_file

MEMBERS = {"train/10.json": b"{}", "train/2.json": b"[]", "train/a/b.json": b"7", "x.png": b"png"}


def tar_file(path: Path, members: dict[str, bytes], **changes: object) -> None:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for field, value in changes.items():
                setattr(info, field, value)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture(params=["zip", "tar"])
def packed(request, tmp_path):
    """A folder with an archive of `MEMBERS`, and the archive's name."""
    write = zip_file if request.param == "zip" else tar_file
    write(tmp_path / f"a.{request.param}", MEMBERS)
    return Files(tmp_path), f"a.{request.param}"


def test_an_archive_is_read_like_a_folder(packed):
    files, name = packed
    assert files.read(f"{name}/train/2.json") == b"[]"
    assert files.image(f"{name}/x.png") == b"png"
    assert files.names(f"{name}/train/*.json") == [f"{name}/train/2.json", f"{name}/train/10.json"]
    assert files.names(f"*{name}/x.*") == [f"{name}/x.png"]
    assert len(files.names(f"{name}/**")) == 4
    assert files.names(name) == [name]


def test_what_is_not_in_it_is_said(packed):
    files, name = packed
    with pytest.raises(BadImage, match=rf"{name} holds no train/3\.json"):
        files.image(f"{name}/train/3.json")
    with pytest.raises(BadImage, match="no such file"):
        files.image(f"other.{name[-3:]}/x.png")
    with pytest.raises(BadImage, match="points outside"):
        files.image(f"../{name}/x.png")


def test_many_threads_read_one_archive(packed):
    files, name = packed
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: files.read(f"{name}/train/a/b.json"), range(200)))
    assert set(found) == {b"7"}


def test_a_changed_archive_is_opened_again(packed):
    files, name = packed
    assert files.read(f"{name}/x.png") == b"png"
    write = zip_file if name.endswith("zip") else tar_file
    write(files.path(name), {"x.png": b"another"})
    assert files.read(f"{name}/x.png") == b"another"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_reads_for_itself(packed):
    files, name = packed
    assert files.read(f"{name}/x.png") == b"png"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads in a forked process
        child = os.fork()
    if child == 0:
        os._exit(0 if all(files.read(f"{name}/train/2.json") == b"[]" for _ in range(200)) else 1)
    assert all(files.read(f"{name}/x.png") == b"png" for _ in range(200))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a/../../evil.png"])
@pytest.mark.parametrize("write", [zip_file, tar_file])
def test_names_that_lead_out_are_no_members(tmp_path, write, name):
    path = tmp_path / ("a.zip" if write is zip_file else "a.tar")
    write(path, {name: b"evil", "good.png": b"good"})
    assert list(archives.open_archive(path).names()) == ["good.png"]
    assert sorted(item.name for item in tmp_path.iterdir()) == [path.name]


def test_links_are_no_members(tmp_path):
    tar_file(tmp_path / "a.tar", {"link.png": b""}, type=tarfile.SYMTYPE, linkname="/etc/passwd")
    info = zipfile.ZipInfo("link.png")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert not list(archives.open_archive(tmp_path / "a.tar").names())
    assert not list(archives.open_archive(tmp_path / "a.zip").names())


@pytest.mark.parametrize("data", [b"", b"<html>404</html>", b"PK\x03\x04" + bytes(60), b"x" * 2000])
@pytest.mark.parametrize("suffix", ["zip", "tar"])
def test_no_archive_at_all(tmp_path, suffix, data):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=rf"a\.{suffix} is not a readable") as caught:
        archives.open_archive(path)
    assert "\n" not in str(caught.value)


def test_a_compressed_tar_is_refused(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    with pytest.raises(BadInput, match="uncompressed"):
        archives.open_archive(tmp_path / "a.tar")


@pytest.mark.parametrize("cut", [600, 1024, 1100, 2048])
def test_a_tar_that_breaks_off(tmp_path, cut):
    tar_file(tmp_path / "whole.tar", {"a": b"1", "b": b"2", "c": b"3"})
    (tmp_path / "a.tar").write_bytes((tmp_path / "whole.tar").read_bytes()[:cut])
    with pytest.raises(BadInput, match=r"a\.tar"):
        archives.open_archive(tmp_path / "a.tar")


def test_a_damaged_member_leaves_the_others(tmp_path):
    zip_file(tmp_path / "a.zip", {"bad.png": b"b" * 100, "good.png": b"g" * 100})
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[data.index(b"b" * 100) + 5] ^= 1
    (tmp_path / "a.zip").write_bytes(data)
    archive = archives.open_archive(tmp_path / "a.zip")
    assert archive.read("good.png") == b"g" * 100
    with pytest.raises(BadInput, match=r"bad\.png cannot be read"):
        archive.read("bad.png")


def test_a_bomb_is_refused_before_it_goes_off(tmp_path):
    zip_file(tmp_path / "a.zip", {"bomb.png": bytes(archives.MAX_MEMBER + 1)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(BadInput, match=r"a\.zip is a decompression bomb \(.* claim to hold"):
        archives.open_archive(tmp_path / "a.zip")


def test_members_that_share_bytes_are_a_bomb(tmp_path):
    zip_file(tmp_path / "a.zip", {f"{number}.png": bytes(1000) for number in range(3)})
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        first = archive.infolist()[0]
        for member in archive.infolist():  # every name now stands for bytes of the first, thrice as many
            member.header_offset, member.compress_size = first.header_offset, 3000
        archive._didModify = True  # type: ignore[attr-defined]
    with pytest.raises(BadInput, match="its members overlap"):
        archives.open_archive(tmp_path / "a.zip")


@pytest.mark.parametrize("write", [zip_file, tar_file])
def test_a_member_may_not_be_larger_than_a_picture(tmp_path, monkeypatch, write):
    path = tmp_path / ("a.zip" if write is zip_file else "a.tar")
    write(path, {"large.png": b"x" * 101, "small.png": b"x" * 100})
    monkeypatch.setattr(archives, "MAX_MEMBER", 100)
    archive = archives.open_archive(path)
    assert len(archive.read("small.png")) == 100
    with pytest.raises(BadInput, match=r"large\.png has 101 bytes, more than 100"):
        archive.read("large.png")


def test_a_locked_member_is_told(tmp_path):
    zip_file(tmp_path / "a.zip", {"x.png": b"png"})
    data = bytearray((tmp_path / "a.zip").read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + flags] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(BadInput, match=r"x\.png cannot be read: .*password"):
        archives.open_archive(tmp_path / "a.zip").read("x.png")


def test_a_file_may_not_be_larger_than_a_picture(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(b"x" * 101)
    monkeypatch.setattr(archives, "MAX_MEMBER", 100)
    with pytest.raises(BadImage, match="more than 100 bytes"):
        Files(tmp_path).image("x.png")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_members_of_every_method_are_named(tmp_path, method):
    for place in range(60, 160, 7):
        zip_file(tmp_path / "a.zip", {"1.txt": bytes(range(256)) * 9}, method)
        data = bytearray((tmp_path / "a.zip").read_bytes())
        data[place % (len(data) - 80) + 35] ^= 0x5A
        (tmp_path / "a.zip").write_bytes(bytes(data))
        with suppress(BadInput):
            archives.open_archive(tmp_path / "a.zip").read("1.txt")
