import os

import pytest

from posesim_server.auth import AuthError, load_secret, write_private


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first = load_secret(tmp_path / "secret")
    assert len(first) == 32
    assert load_secret(tmp_path / "secret") == first
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_every_data_folder_has_its_own_secret(tmp_path):
    assert load_secret(tmp_path / "one") != load_secret(tmp_path / "two")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "secret"
    load_secret(path)
    path.chmod(mode)
    with pytest.raises(AuthError, match=f"can be read by others.*chmod 600 {path}"):
        load_secret(path)


@pytest.mark.parametrize("content", [b"", b"short", bytes(64), b"changeme" * 8])
def test_a_weak_secret_is_refused(tmp_path, content):
    write_private(tmp_path / "secret", content)
    with pytest.raises(AuthError, match="too weak to sign with"):
        load_secret(tmp_path / "secret")


def test_a_private_file_that_exists_is_kept(tmp_path):
    write_private(tmp_path / "file", b"first")
    write_private(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"
