"""Every way in which people take PSNR and SSIM of the same images, and by what names these ways are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from srbench.diagnosing.colours import COLOURS
from srbench.diagnosing.similarity import WINDOWS
from srbench.measuring.protocol import PROTOCOLS, Protocol
from srbench.scales import Scale, next_whole

Score: TypeAlias = Literal["psnr", "ssim"]
SCALE = -1
"""A shave of as many pixels as the scale."""
DIV2K = -2
"""A shave of six pixels more than the scale."""

MEANS: Mapping[str, str] = MappingProxyType(
    {
        "images": "",
        "pixels": "of the mean squared error of all images together",
        "channels": "averaged over the PSNR of red, green and blue",
        "own_peak": "with each image's largest minus smallest value as the peak",
    }
)
"""How PSNR is averaged, with what a sentence adds."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to take a score."""

    score: Score
    colour: str
    """A name of `COLOURS`."""
    shave: int
    """Pixels removed at each edge."""
    way: str
    """A name of `MEANS` for PSNR, of `WINDOWS` for SSIM."""

    @property
    def about(self) -> str:
        """Describe it as a noun: "PSNR on RGB, shave 4"."""
        return described(self, str(self.shave))


def described(reading: Reading, shave: str) -> str:
    """Describe a reading with its shave in words."""
    more = MEANS[reading.way] if reading.score == "psnr" else WINDOWS[reading.way].about
    text = f"{reading.score.upper()} on {COLOURS[reading.colour].about}, shave {shave}"
    return f"{text}, {more}" if more else text


@dataclass(frozen=True, slots=True)
class _Known:
    """What a library, or the code of a paper, computes."""

    name: str
    score: Score
    colour: str
    shave: int
    way: str


_LIBRARIES = (
    _Known("pyiqa psnr", "psnr", "rgb", 0, "images"),
    _Known("cv2.PSNR", "psnr", "rgb", 0, "images"),
    _Known("skimage peak_signal_noise_ratio", "psnr", "rgb", 0, "images"),
    _Known("tf.image.psnr", "psnr", "rgb", 0, "images"),
    _Known("piq.psnr", "psnr", "rgb", 0, "images"),
    _Known("torchmetrics PeakSignalNoiseRatio", "psnr", "rgb", 0, "pixels"),
    _Known("pyiqa psnry", "psnr", "full", 0, "images"),
    _Known("piq.psnr with convert_to_greyscale", "psnr", "full", 0, "images"),
    _Known("BasicSR with test_y_channel", "psnr", "y", SCALE, "images"),
    _Known("BasicSR without test_y_channel", "psnr", "rgb", SCALE, "images"),
    _Known("IMDN's code", "psnr", "y_rounded", SCALE, "images"),
    _Known("super-image", "psnr", "y_typo", SCALE, "images"),
    _Known("skimage's example, data_range=max-min", "psnr", "rgb", 0, "own_peak"),
    _Known("BasicSR with test_y_channel", "ssim", "y", SCALE, "gaussian"),
    _Known("BasicSR without test_y_channel", "ssim", "rgb", SCALE, "gaussian"),
    _Known("IMDN's code", "ssim", "y_rounded", SCALE, "gaussian"),
    _Known("tf.image.ssim", "ssim", "rgb", 0, "gaussian"),
    _Known("piq.ssim with downsample=False", "ssim", "rgb", 0, "gaussian"),
    _Known("piq.ssim", "ssim", "rgb", 0, "pooled"),
    _Known("pyiqa ssim", "ssim", "grey", 0, "gaussian"),
    _Known("torchmetrics StructuralSimilarityIndexMeasure", "ssim", "rgb", 0, "gaussian_reflect"),
    _Known("pytorch-ssim", "ssim", "rgb", 0, "gaussian_zero"),
    _Known("MATLAB's ssim on rgb2ycbcr", "ssim", "y", SCALE, "gaussian_replicate"),
    _Known("MATLAB's ssim on rgb2ycbcr of uint8", "ssim", "y_rounded", SCALE, "gaussian_replicate"),
    _Known("skimage structural_similarity with channel_axis", "ssim", "rgb", 0, "uniform"),
    _Known("skimage structural_similarity of rgb2gray", "ssim", "grey_709", 0, "uniform"),
    _Known("skimage structural_similarity of cv2's grey", "ssim", "grey", 0, "uniform"),
    _Known("older skimage on floats without data_range", "ssim", "rgb", 0, "uniform_range_2"),
)
"""Defaults of libraries, and what released code computes."""


def all_readings(scale: Scale) -> dict[Score, list[Reading]]:
    """Return every way to take each score.

    Args:
        scale: The factor; up to six pixels more than it are shaved.
    """
    shaves = range(next_whole(scale) + 7)
    few = (0, next_whole(scale))
    psnr = [Reading("psnr", colour, shave, "images") for colour in COLOURS for shave in shaves]
    psnr += [Reading("psnr", colour, shave, "pixels") for colour in ("y", "rgb") for shave in shaves]
    psnr += [Reading("psnr", colour, shave, "own_peak") for colour in ("y", "rgb") for shave in few]
    psnr += [Reading("psnr", "rgb", shave, "channels") for shave in few]
    ssim = [
        Reading("ssim", colour, shave, window.name)
        for colour in COLOURS
        for window in WINDOWS.values()
        for shave in (shaves if window.border == "valid" and not window.pooled else few)
        if window.name == "gaussian"
        or colour in ("y", "rgb")
        or any(_is(known, colour, window.name) for known in _LIBRARIES)
    ]
    return {"psnr": psnr, "ssim": ssim}


def _is(known: _Known, colour: str, way: str) -> bool:
    return (known.colour, known.way) == (colour, way)


def usual(score: Score, scale: Scale) -> Reading:
    """Return the way in which most papers take a score: the preset classic-y."""
    return _of_preset(PROTOCOLS["classic-y"], score, scale, grey=False)


def presets(reading: Reading, scale: Scale, *, grey: bool) -> tuple[str, ...]:
    """Return the presets of srbench whose first column is this reading; files have rounded pixels already."""
    known = {name: own for name, own in PROTOCOLS.items() if own.sr_rounding == "u8" and not own.crop}
    return tuple(name for name, own in known.items() if reading == _of_preset(own, reading.score, scale, grey=grey))


def _of_preset(protocol: Protocol, score: Score, scale: Scale, *, grey: bool) -> Reading:
    rounded = "y_kept" if grey and protocol.keep_grey else "y_rounded"
    luma = rounded if protocol.y_rounding else "y"
    way = "images" if score == "psnr" else "gaussian"
    return Reading(score, luma if protocol.headline == "psnr_y" else "rgb", protocol.shave(scale), way)


def libraries(reading: Reading, scale: Scale) -> tuple[str, ...]:
    """Return the libraries and released code that compute this reading."""
    own = next_whole(scale)
    return tuple(
        known.name
        for known in _LIBRARIES
        if (known.score, known.colour, known.way) == (reading.score, reading.colour, reading.way)
        and reading.shave == {SCALE: own, DIV2K: own + 6}.get(known.shave, known.shave)
    )


def likelihood(reading: Reading, scale: Scale, *, grey: bool) -> int:
    """Return a rank: 0 for presets, 1 for libraries, 2 for other ways with a common shave, 3 for the others."""
    if presets(reading, scale, grey=grey):
        return 0
    if libraries(reading, scale):
        return 1
    own = next_whole(scale)
    return 2 if reading.shave in (0, 4, own, own + 6) else 3


def grouped(readings: Sequence[Reading]) -> Iterator[tuple[Reading, str]]:
    """Yield readings that differ only in the shave once, with all their shaves in words: "2, 3 and 5"."""
    shaves: dict[tuple[Score, str, str], list[Reading]] = {}
    for reading in readings:
        shaves.setdefault((reading.score, reading.colour, reading.way), []).append(reading)
    for own in shaves.values():
        numbers = [str(reading.shave) for reading in sorted(own, key=lambda one: one.shave)]
        yield own[0], " and ".join(filter(None, (", ".join(numbers[:-1]), numbers[-1])))
