"""Hashes and versions that decide whether an earlier result is still valid."""

from importlib import metadata
from pathlib import Path

from mmk12 import __version__
from mmk12.utils.fingerprint import BUILD_PACKAGES, hash_file, hash_folder, package_versions


def test_versions_keep_their_order_and_leave_out_what_is_not_installed() -> None:
    versions = package_versions(("pytest", "no-such-package-at-all", "mmk12", "numpy"))
    assert list(versions.items()) == [
        ("pytest", metadata.version("pytest")),
        ("mmk12", __version__),
        ("numpy", metadata.version("numpy")),
    ]
    assert list(package_versions()) == list(BUILD_PACKAGES)


def test_a_folder_has_another_hash_when_a_file_changes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("one")
    before = hash_folder(tmp_path)
    assert hash_folder(tmp_path) == before
    (tmp_path / "sub" / "a.txt").write_text("three")
    assert hash_folder(tmp_path) != before
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")  # a dangling link has no size
    assert hash_file(tmp_path / "sub" / "a.txt") == hash_file(tmp_path / "sub" / "a.txt")
    assert len(hash_folder(tmp_path)) == 64
