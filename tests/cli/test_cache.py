"""``srbench cache`` as a person types it."""

import os
import time

import pytest
import typer

from srbench.files import atomic_write, cache_root
from srbench.running.cache import cache_in_use


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """A cache with an LR image of today, a listing from ten days ago, and a download from a hundred."""
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "cache"))
    root = cache_root()
    ages = {"lr/ab/abcd.png": 0, "image_facts/a.json": 10, "image_facts/b.json": 20, "lpips/alexnet.safetensors": 100}
    for name, days in ages.items():
        atomic_write(root / name, b"x" * 2048)
        then = time.time() - days * 86400 - 60
        os.utime(root / name, (then, then))
    return root


def files(cache):
    return {path.name for path in cache.rglob("*") if path.is_file() and path.parent.name != ".users"}


def test_the_list_shows_each_part_with_size_and_age(srbench, cache):
    done = srbench("cache", "list")
    assert done.status == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["part", "entries", "size", "oldest", "newest", "holds"]
    assert lines[1][:8] == ["image_facts", "2", "4", "KiB", "20.0", "days", "10.0", "days"]
    assert lines[-1] == ["8", "KiB", "in", "4", "entries", "in", str(cache)]
    assert srbench("cache", "size").out.split() == lines[-1]


def test_an_empty_cache_is_said_to_be_empty(srbench, monkeypatch, tmp_path):
    monkeypatch.setenv("SRBENCH_CACHE", str(tmp_path / "nowhere"))
    assert srbench("cache", "list").out == f"0 bytes in 0 entries in {tmp_path / 'nowhere'}\n"
    done = srbench("cache", "prune", "--older-than", "0", "--yes")
    assert (done.status, "nothing is deleted" in done.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("--older-than", "15"), {"abcd.png", "a.json", "alexnet.safetensors"}),
        (("--older-than", "0"), {"alexnet.safetensors"}),
        (("--part", "lr"), {"a.json", "b.json", "alexnet.safetensors"}),
        (("--part", "image_facts", "--older-than", "15"), {"abcd.png", "a.json", "alexnet.safetensors"}),
        (("--part", "lpips"), {"abcd.png", "a.json", "b.json"}),
        (("--all", "--older-than", "50"), {"abcd.png", "a.json", "b.json"}),
        (("--all",), set()),
    ],
)
def test_pruning_deletes_what_was_chosen(srbench, cache, words, left):
    before = files(cache)
    done = srbench("cache", "prune", *words, "--dry-run")
    assert (done.status, "Would delete" in done.out) == (0, True)
    assert files(cache) == before
    done = srbench("cache", "prune", *words, "--yes")
    assert (done.status, "Deleted" in done.out) == (0, True)
    assert files(cache) == left


def test_a_terminal_is_asked_and_a_script_says_yes(srbench, cache, monkeypatch):
    done = srbench("cache", "prune", "--all")
    assert (done.status, "add --yes" in done.err) == (2, True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    for answer, status, left in ((False, 1, 4), (True, 0, 0)):
        asked = []
        monkeypatch.setattr(
            typer, "confirm", lambda text, abort, asked=asked, answer=answer: _answer(asked, text, answer)
        )
        assert srbench("cache", "prune", "--all").status == status
        assert asked == [f"Delete 4 entries, 8 KiB, in {cache}?"]
        assert len(files(cache)) == left


def _answer(asked, text, answer):
    asked.append(text)
    if not answer:
        raise typer.Abort


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--yes",), "Nothing is chosen; give --older-than DAYS, --part NAME or --all"),
        (("--part", "trains", "--yes"), "No part of the cache named 'trains'. Did you mean train?"),
        (("--older-than", "-1"), "--older-than"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(srbench, cache, words, says):
    done = srbench("cache", "prune", *words)
    assert done.status == 2
    assert says in done.err
    assert len(files(cache)) == 4


def test_nothing_is_deleted_while_a_run_uses_the_cache(srbench, cache):
    with cache_in_use(cache):
        done = srbench("cache", "prune", "--all", "--yes")
    assert done.status == 2
    assert "A run of srbench is using the cache" in done.err
    assert len(files(cache)) == 4
