"""Pickles of pairs: read without executing them, or refused."""

import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.datasets.labelled.pickled_pairs import read_pickled, write_images
from srbench.errors import DataError


@pytest.fixture
def pickled(tmp_path):
    def make(content):
        path = tmp_path / "pairs.bin"
        path.write_bytes(content)
        return path

    return make


@given(flags=st.lists(st.booleans(), max_size=20), protocol=st.integers(3, 5), data=st.data())
def test_what_python_pickled_is_read_again(tmp_path_factory, flags, protocol, data):
    images = data.draw(st.lists(st.binary(max_size=300), min_size=2 * len(flags), max_size=2 * len(flags)))
    path = tmp_path_factory.mktemp("pickles") / "pairs.bin"
    for whole in ((images, flags), [images, flags], (tuple(images), tuple(flags))):
        path.write_bytes(pickle.dumps(whole, protocol))
        if sum(map(len, images)) <= path.stat().st_size:  # equal images are written once and named twice
            assert read_pickled(path) == (images, flags)


def test_pickles_of_python_2_are_read(pickled):
    """Its protocol 2 writes bytes as SHORT_BINSTRING (U) and BINSTRING (T)."""
    content = b"\x80\x02]q\x00(U\x03\xff\xd8aT\x03\x00\x00\x00\xff\xd8be]q\x01\x88a\x86q\x02."
    assert read_pickled(pickled(content)) == ([b"\xff\xd8a", b"\xff\xd8b"], [True])
    oldest = b"((lp0\n" + b"U\x01xaU\x01ya" + b"(lp1\nI01\nat."
    assert read_pickled(pickled(oldest)) == ([b"x", b"y"], [True])


class Malice:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "whole",
    [
        Malice(),
        ([b"a", Malice()], [True]),
        ([np.zeros(3, np.uint8), np.zeros(3, np.uint8)], [True]),
        ([b"a", b"b"], [np.True_]),
        ({b"a": 1}, [True]),
        (["a", "b"], [True]),
    ],
)
def test_what_could_run_code_is_refused_and_not_run(pickled, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for protocol in range(6):
        path = pickled(pickle.dumps(whole, protocol))
        with pytest.raises(DataError, match=r"pairs\.bin is a pickle with the instruction [A-Z_0-9]+, which could run"):
            read_pickled(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "whole", [([b"a"], [True]), ([b"a", b"b"], [3]), ([b"a", [b"b"]], [True]), [b"a", b"b"], (), True, ([], [], [])]
)
def test_pickles_of_something_else_are_refused(pickled, whole):
    with pytest.raises(DataError, match="does not hold two images for each flag"):
        read_pickled(pickled(pickle.dumps(whole, 4)))


def test_a_small_pickle_cannot_name_one_image_a_million_times(pickled):
    large = b"x" * 5000
    with pytest.raises(DataError, match="does not hold two images for each flag"):
        read_pickled(pickled(pickle.dumps(([large] * 100, [True] * 50), 4)))


def test_lengths_that_the_file_does_not_have_are_refused(pickled):
    with pytest.raises(DataError, match="not a sound pickle; fetch or copy it again"):
        read_pickled(pickled(b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"abc."))
    with pytest.raises(DataError, match=r"absent\.bin cannot be read \(No such file"):
        read_pickled(pickled(b"").with_name("absent.bin"))


@given(content=st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("pickles") / "pairs.bin"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_pickled(path)


@given(cut=st.integers(0, 60), place=st.integers(0, 60), value=st.integers(0, 255))
def test_damaged_pickles_are_read_or_refused(tmp_path_factory, cut, place, value):
    content = bytearray(pickle.dumps(([b"aaaa", b"bb", b"c", b"d"], [True, False]), 4))
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("pickles") / "pairs.bin"
    path.write_bytes(content[: len(content) - cut % 3])
    try:
        images, flags = read_pickled(path)
    except DataError:
        return
    assert len(images) == 2 * len(flags)


def test_images_that_are_no_files_are_refused(pickled):
    with pytest.raises(DataError, match=r"Image 2 in .*pairs\.bin is neither JPEG nor PNG"):
        write_images(pickled(b""), [b"\xff\xd8\xff", b"GIF"])
