"""Videos are enlarged frame by frame, with their sound."""

import shutil
import subprocess

import numpy as np
import pytest

from srbench.errors import DataError, UnavailableError
from srbench.upscaling import videos
from srbench.upscaling.loading import load_upscaler
from srbench.upscaling.videos import is_video, upscale_video

with_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
SIZE, FRAMES = (24, 32), 5


@pytest.fixture
def upscaler(catalog):
    return load_upscaler("bicubic", catalog, 2)


@pytest.fixture
def film(tmp_path):
    """A short video whose frames get brighter, with a tone."""
    path = tmp_path / "film.mp4"
    picture = f"nullsrc=s={SIZE[1]}x{SIZE[0]}:r=10:d={FRAMES / 10},format=gray,geq=lum=40*N+X"
    sound = f"sine=frequency=440:duration={FRAMES / 10}"
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, "-pix_fmt", "yuv420p", path)
    return path


def ffmpeg(*words):
    return subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *map(str, words)], check=True, capture_output=True, stdin=subprocess.DEVNULL
    ).stdout  # fmt: skip


def grey_frames(path, size):
    raw = ffmpeg("-i", path, "-map", "0:v", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
    return np.frombuffer(raw, np.uint8).reshape(-1, *size).astype(float)


@with_ffmpeg
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_frames_keep_their_order_and_the_sound_is_copied(upscaler, film, tmp_path, suffix):
    target = tmp_path / f"large{suffix}"
    assert upscale_video(upscaler, film, target) == (2 * SIZE[0], 2 * SIZE[1])
    before, after = grey_frames(film, SIZE), grey_frames(target, (2 * SIZE[0], 2 * SIZE[1]))
    assert len(after) == len(before) == FRAMES
    reduced = after.reshape(FRAMES, SIZE[0], 2, SIZE[1], 2).mean(axis=(2, 4))
    assert np.abs(reduced - before).mean() < 3
    sound = [ffmpeg("-i", path, "-map", "0:a", "-c", "copy", "-f", "md5", "pipe:1") for path in (film, target)]
    assert sound[0] == sound[1]


@with_ffmpeg
def test_an_odd_size_without_sound_is_written_too(catalog, film, tmp_path):
    silent, target = tmp_path / "silent.mkv", tmp_path / "large.mkv"
    ffmpeg("-i", film, "-an", "-vf", "crop=31:23:0:0:exact=1", "-c:v", "ffv1", "-pix_fmt", "yuv444p", silent)
    assert upscale_video(load_upscaler("bicubic", catalog, 3), silent, target) == (69, 93)
    assert grey_frames(target, (69, 93)).shape[0] == FRAMES


@with_ffmpeg
def test_a_damaged_video_is_one_sentence_and_nothing_is_written(upscaler, film, tmp_path):
    data = film.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.mp4").write_text("no video")
    for name in ("cut.mp4", "text.mp4"):
        with pytest.raises(DataError, match=name):
            upscale_video(upscaler, tmp_path / name, tmp_path / "out" / "large.mp4")
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_without_ffmpeg_it_says_what_to_install(upscaler, tmp_path, monkeypatch):
    monkeypatch.setattr(videos.shutil, "which", lambda _: None)
    (tmp_path / "a.mp4").write_bytes(b"")
    with pytest.raises(UnavailableError, match="install ffmpeg"):
        upscale_video(upscaler, tmp_path / "a.mp4", tmp_path / "b.mp4")


def test_videos_are_known_by_their_suffix(tmp_path):
    assert is_video(tmp_path / "A.MP4")
    assert not is_video(tmp_path / "a.png")
