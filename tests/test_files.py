"""Files are written whole or not at all, downloads are checked, and the files that come with srbench are found."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from filelock import Timeout
from hypothesis import example, given
from hypothesis import strategies as st

from srbench import files
from srbench.errors import StoreError, UnavailableError
from srbench.files import (
    atomic_path,
    atomic_write,
    fetch_file,
    locked,
    require_locks,
    sha256_of,
    shipped,
    shipped_tables,
    short_stem,
)

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        contents = {"/right": CONTENT, "/other": b"something else", "/cut": CONTENT, "/length": CONTENT}
        content = contents.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", "abc" if self.path == "/length" else str(len(content)))
        self.end_headers()
        self.wfile.write(content[: 1000 if self.path == "/cut" else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as one:
        one.asked = []
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        one.address = f"http://127.0.0.1:{one.server_port}"
        yield one
        one.shutdown()
        thread.join()


def test_a_file_arrives_whole(server, tmp_path):
    path = fetch_file([f"{server.address}/right"], SHA256, tmp_path / "new" / "file.bin", progress=False)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_a_bar_on_standard_error_is_optional(server, tmp_path, capsys):
    fetch_file([f"{server.address}/right"], SHA256, tmp_path / "one", progress=False)
    assert capsys.readouterr().err == ""
    fetch_file([f"{server.address}/right"], SHA256, tmp_path / "two", progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "%" in captured.err


def test_a_file_that_is_there_is_not_asked_for_again_unless_it_was_altered(server, tmp_path):
    path = tmp_path / "file.bin"
    for _ in range(2):
        fetch_file([f"{server.address}/right"], SHA256, path, progress=False)
    assert server.asked == ["/right"]
    path.write_bytes(b"altered")
    fetch_file([f"{server.address}/right"], SHA256, path, progress=False)
    assert sha256_of(path) == SHA256


def test_the_next_address_is_tried_after_one_that_fails(server, tmp_path):
    urls = [f"{server.address}/{name}" for name in ("absent", "other", "cut", "right")]
    fetch_file(urls, SHA256, tmp_path / "file.bin", progress=False)
    assert server.asked == ["/absent", "/other", "/cut", "/right"]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_when_all_fail_one_sentence_says_why_each_and_nothing_is_left(server, tmp_path):
    urls = [f"{server.address}/{name}" for name in ("absent", "other", "cut")] + ["http://127.0.0.1:1/closed"]
    with pytest.raises(UnavailableError) as caught:
        fetch_file(urls, SHA256, tmp_path / "file.bin", progress=False)
    text = str(caught.value)
    assert text.startswith("file.bin could not be downloaded")
    assert "/absent: the server answered 404;" in text
    assert "/other: the file does not have the sha256" in text
    assert "/cut: " in text
    assert "/closed: the server cannot be reached" in text
    assert "\n" not in text
    assert list(tmp_path.iterdir()) == []


def test_a_file_whose_hash_is_unknown_is_taken_as_it_is(server, tmp_path):
    assert (
        fetch_file([f"{server.address}/other"], None, tmp_path / "x", progress=False).read_bytes() == b"something else"
    )


def test_a_length_that_is_no_number_is_the_fault_of_the_server_and_not_of_the_file(server, tmp_path):
    path = tmp_path / "file.bin"
    try:
        fetch_file([f"{server.address}/length"], SHA256, path, progress=True)
    except UnavailableError as error:
        assert "the server's answer cannot be understood: invalid literal" in str(error)  # noqa: PT017 - or it is read
        assert list(tmp_path.iterdir()) == []
    else:
        assert path.read_bytes() == CONTENT


def test_without_an_address_the_sentence_says_so(tmp_path):
    with pytest.raises(UnavailableError, match=r"set5\.zip could not be downloaded \(no address is known\)"):
        fetch_file([], SHA256, tmp_path / "set5.zip")


def test_a_destination_that_cannot_be_written_is_not_blamed_on_the_server(server, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="could not be written"):
        fetch_file([f"{server.address}/right"], SHA256, tmp_path / "file" / "below", progress=False)


def write_half(path, error):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error


def leftovers(folder):
    return [path.name for path in folder.rglob("*") if path.name.startswith(".") and path.name.endswith(".tmp")]


def test_a_file_is_written_with_its_folders_and_replaced_whole(tmp_path):
    path = tmp_path / "a" / "b" / "file.json"
    atomic_write(path, "one")
    atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert leftovers(tmp_path) == []


def test_a_written_file_has_the_rights_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_an_exception_half_way_keeps_the_old_file_and_leaves_nothing(tmp_path, error):
    path = tmp_path / "file"
    atomic_write(path, "old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk is full: .*file could not be written; free some space and run again to go on"),
        (errno.EDQUOT, "The disk quota is used up: .*file could not be written"),
        (errno.EIO, r"file could not be written \(Input/output error\)"),
    ],
)
def test_a_full_disk_is_reported_and_the_old_file_stays(tmp_path, monkeypatch, number, sentence):
    path = tmp_path / "file"
    atomic_write(path, "old")

    def full(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(StoreError, match=sentence):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def write_to_a_full_device(path):
    with atomic_path(path) as temporary:
        temporary.unlink()
        temporary.symlink_to("/dev/full")
        temporary.write_bytes(b"x" * 100_000)


def test_a_full_device_is_reported(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(StoreError, match=r"The disk is full"):
        write_to_a_full_device(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/below", "/proc/srbench/x"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"could not be written \(.+\); choose another folder"):
        atomic_write(tmp_path / place, "x")


@pytest.mark.parametrize("inside", ["repository", "wheel"])
def test_shipped_files_are_found_beside_the_package_or_in_it(inside, tmp_path, monkeypatch):
    package = tmp_path / "srbench"
    place = package / "shipped" if inside == "wheel" else tmp_path
    (place / "suites").mkdir(parents=True)
    for name in ("quick.toml", "classic.toml", "notes.txt"):
        (place / "suites" / name).touch()
    monkeypatch.setattr(files, "__file__", str(package / "files.py"))
    assert shipped("suites") == place / "suites"
    assert shipped_tables("suites") == {name: place / "suites" / f"{name}.toml" for name in ("classic", "quick")}
    with pytest.raises(
        StoreError, match=r"datasets\.toml, which comes with srbench, is missing; install srbench again"
    ):
        shipped("datasets.toml")


def test_what_killed_writers_left_is_swept_after_a_day_and_nothing_else(tmp_path):
    names = {
        ".a-1.srbench.tmp": 25, ".b-2.srbench.tmp": 1, ".c-3.tmp": 99, "d.srbench.tmp": 99, ".mine": 99, "e.json": 99,
    }  # fmt: skip
    for name, hours in names.items():
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, times=(0, time.time() - 3600 * hours))
    atomic_write(tmp_path / "new", "x")
    assert {path.name for path in tmp_path.iterdir()} == {*names, "new"} - {".a-1.srbench.tmp"}


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    with locked(tmp_path / "below" / "lock"), pytest.raises(Timeout), locked(tmp_path / "below" / "lock", timeout=0):
        pass
    with locked(tmp_path / "below" / "lock", timeout=0):
        pass
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="could not be written"), locked(tmp_path / "file" / "lock"):
        pass


def no_locks(*_):
    raise OSError(errno.ENOTSUP, "Operation not supported")


def test_a_file_system_without_locks_has_leases_instead(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    require_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "lock"), pytest.raises(Timeout), locked(tmp_path / "lock", timeout=0):
        pass
    with locked(tmp_path / "lock", timeout=0):
        assert (tmp_path / "lock.lease").exists()


def test_a_file_system_that_gives_a_lock_twice_is_refused_in_a_sentence(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    require_locks(tmp_path)
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    with pytest.raises(StoreError, match="gives one lock to two at a time"):
        require_locks(tmp_path)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=300))
@example("ä" * 116)
@example("x" * 230)
@example("x" * 231)
def test_a_stem_is_shortened_only_where_it_is_long_and_stays_another_than_others(stem):
    short = short_stem(stem)
    assert len(os.fsencode(short)) <= 230
    assert (short == stem) is (len(os.fsencode(stem)) <= 230)
    assert short_stem(stem + "x") != short
