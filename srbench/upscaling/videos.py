"""Enlarge videos frame by frame; ffmpeg decodes and encodes them, and their sound is copied."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from srbench.errors import DataError, UnavailableError
from srbench.files import atomic_path
from srbench.upscaling.upscaler import Upscaler

_H264 = ("-c:v", "libx264", "-crf", "16")
_FORMATS: Mapping[str, Sequence[str]] = {
    ".mp4": ("-f", "mp4", *_H264),
    ".m4v": ("-f", "mp4", *_H264),
    ".mov": ("-f", "mov", *_H264),
    ".mkv": ("-f", "matroska", *_H264),
    ".avi": ("-f", "avi", *_H264),
    ".webm": ("-f", "webm", "-c:v", "libvpx-vp9", "-crf", "18", "-b:v", "0"),
}
"""The format and the encoder for each suffix, at a quality at which losses are hard to see."""
_BT709 = (
    "-vf", "scale=out_color_matrix=bt709:out_range=tv", "-color_range", "tv",
    "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
)  # fmt: skip
"""Colours as today's players expect them, written into the file, so that no player guesses."""


def is_video(path: Path) -> bool:
    """Whether a file's suffix is that of a video."""
    return path.suffix.lower() in _FORMATS


def upscale_video(upscaler: Upscaler, source: Path, target: Path) -> tuple[int, int]:
    """Enlarge a video. Frames keep their order, at a constant rate and with 8 bits a channel.

    Args:
        upscaler: The network.
        source: The video.
        target: The result, in the format of its suffix; it is written whole or not at all.

    Returns:
        Height and width of the result.

    Raises:
        DataError: The video is damaged, holds no picture, or cannot be written in that format.
        UnavailableError: ffmpeg is not installed.
    """
    rate = _frame_rate(source)
    decode = ["-xerror", "-i", str(source), "-map", "0:v:0", "-r", rate]
    decode += ["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]  # PPM frames bring their size along
    with atomic_path(target) as temporary, _ffmpeg(decode, source, stdout=subprocess.PIPE) as decoder:
        frames = (upscaler.upscale(frame) for frame in _frames(decoder.stdout))
        first = next(frames, None)
        if first is None:
            raise DataError(f"{source} holds no pictures, or is damaged; give a video that players show.")
        height, width = first.shape[:2]
        pixels = "yuv444p" if height % 2 or width % 2 else "yuv420p"  # which halves both sides of the colours
        encode = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", rate, "-i", "pipe:0"]
        encode += ["-i", str(source), "-map", "0:v:0", "-map", "1:a?", "-c:a", "copy", "-map_metadata", "1"]
        encode += [*_BT709, *_FORMATS[target.suffix.lower()], "-pix_fmt", pixels, str(temporary)]
        with _ffmpeg(encode, target, stdin=subprocess.PIPE) as encoder:
            for frame in itertools.chain([first], frames):
                encoder.stdin.write(frame.tobytes())
    return height, width


@contextmanager
def _ffmpeg(
    arguments: Sequence[str], file: Path, *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[Any]:
    """Run ffmpeg beside the block, and raise what it complains of at the end; it is stopped if the block fails."""
    command = [_program("ffmpeg"), "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=complaints) as process,  # noqa: S603 - the user's files
    ):
        try:
            yield process
            if process.stdin:
                process.stdin.close()
            failed = process.wait() != 0
        except BrokenPipeError:
            failed = True
        except BaseException:
            process.kill()
            raise
        if failed:
            process.kill()
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines() or ["it gave no reason"]
            raise DataError(f"ffmpeg cannot read or write {file}: {said[-1]}. Give a video that players show.")


def _frames(stream: IO[bytes]) -> Iterator[NDArray[np.uint8]]:
    """Yield (H, W, 3) from a stream of binary PPM images, as ffmpeg writes them."""
    while stream.readline() == b"P6\n":
        width, height = map(int, stream.readline().split())
        stream.readline()  # the largest value, 255
        data = stream.read(width * height * 3)
        yield np.frombuffer(data, np.uint8).reshape(height, width, 3)


def _frame_rate(path: Path) -> str:
    """Return the mean number of frames a second, as ffmpeg writes it: "30000/1001"."""
    show = ["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=avg_frame_rate", "-of", "csv=p=0"]
    command = [_program("ffprobe"), *show, str(path)]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the user's file
    rate = asked.stdout.strip().rstrip(",")
    if asked.returncode or not rate or rate.startswith("0/"):
        raise DataError(f"{path} is not a video, or is damaged; give a video that players show.")
    return rate.splitlines()[0]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UnavailableError(f"Videos need {name}, which is not installed; install ffmpeg, or enlarge its frames.")
    return found
