"""Say by which protocol images have the score that somebody claims, and what is wrong with the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from srbench.diagnosing.faults import Fault, Look, faults, look
from srbench.diagnosing.matches import Claim, Judge, Taken, undone
from srbench.diagnosing.origins import origins
from srbench.diagnosing.pairs import Files, Together, find_files, read_pair, scale_of
from srbench.diagnosing.readings import Score, all_readings, libraries, presets, usual
from srbench.diagnosing.scores import Scores
from srbench.errors import DataError
from srbench.imaging.folders import name_some
from srbench.scales import Scale


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """One way to take a score of the images, and what it gives."""

    about: str
    """The way in words: "PSNR on RGB, shave 4"."""
    score: str
    """One of "psnr" and "ssim"."""
    colour: str
    """The channels that are compared, such as "y", "y_rounded", "rgb", "full" or "grey"."""
    shave: int
    """The number of pixels removed at each edge."""
    way: str
    """How PSNR is averaged, or how SSIM is computed."""
    value: float
    """The score; dB for PSNR."""
    difference: float | None
    """The score minus that of the preset classic-y of the images as they are; null if that is infinite."""
    presets: tuple[str, ...]
    """The presets of srbench that are this way."""
    libraries: tuple[str, ...]
    """The libraries and released code that compute it."""
    repaired: str
    """What was undone first: "red and blue exchanged"; empty for the images as they are."""
    approximate: bool
    """Whether undoing gives an estimate only."""


@dataclass(frozen=True, slots=True)
class FaultFacts:
    """Something that is wrong with the images."""

    kind: str
    """One of "size", "jpeg", "channels", "orientation", "shift", "levels", and "mixed", which only some images have."""
    about: str
    """A sentence about it."""
    psnr_y: float | None
    """PSNR on Y without it in dB; null if it cannot be undone."""
    approximate: bool
    """Whether that is an estimate."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why images have the scores that they have."""

    images: int
    """The number of images."""
    scale: Scale
    """The factor by which they were enlarged."""
    claim: str | None
    """The score that somebody claims, as it was typed; null for none."""
    verdict: str
    """What the claimed score is, or what the usual scores are, in a few sentences."""
    matches: tuple[ReadingFacts, ...]
    """The ways that give the claimed score within its digits, the likeliest first."""
    faults: tuple[FaultFacts, ...]
    """What is wrong with the images."""
    origins: tuple[str, ...]
    """By which resize sr and lr were made, a sentence each, where that is known."""
    readings: tuple[ReadingFacts, ...]
    """Ways that differ from the preset classic-y in one respect, and those of presets and libraries."""
    notes: tuple[str, ...]
    """What else to know: files that were left out."""


def diagnose(
    sr: Path, hr: Path, *, lr: Path | None = None, scale: Scale | None = None, claim: str | None = None
) -> Diagnosis:
    """Take the scores of images in every way in use, and say which ways give a claimed score.

    Args:
        sr: The folder with super-resolved images, or one image.
        hr: The folder with their truth, or one image.
        lr: The folder with their lr, by which the resize of sr and lr can be named.
        scale: The factor; by default, the one that the sizes of lr or the names say.
        claim: A score as it was printed: "30.56" is PSNR in dB, "0.8706" is SSIM. All are computed without one.

    Raises:
        UsageError: The scale is unknown, or the claim is not a number.
        DataError: Images are missing or cannot be read.
    """
    claimed = None if claim is None else Claim.read(claim)
    files, notes = find_files(sr, hr, lr)
    images = _Images(files, scale_of(files) if scale is None else scale)
    taken, seen = _take(images, ("psnr", "ssim") if claimed is None else (claimed.score,))
    judge = Judge(images.scale, images.grey)
    named = sorted(filter(claimed.met_by, taken), key=judge.rank) if claimed else []
    return Diagnosis(
        images=len(files),
        scale=images.scale,
        claim=claim,
        verdict=judge.verdict(claimed, named, taken) if claimed else judge.spread(taken),
        matches=tuple(_facts(one, taken, judge) for one in named),
        faults=(*images.wrong_sizes(), *(_fault(fault, taken, images.scale) for fault in seen)),
        origins=tuple(origins(files, images.scale)),
        readings=tuple(_facts(one, taken, judge) for one in judge.table(taken)),
        notes=(*notes, *images.notes()),
    )


@dataclass(slots=True)
class _Images:
    """Reads the images again each time, so that a large set needs little memory."""

    files: Sequence[Files]
    scale: Scale
    grey: bool = False
    """Whether a truth is a greyscale image."""
    equal: list[str] = field(default_factory=list)
    """Files that are their truth, and are left out."""
    sizes: dict[str, list[str]] = field(default_factory=dict)
    """What is said of files of a wrong size, by how they are brought together."""

    def __iter__(self) -> Iterator[Together]:
        """Yield the images that are compared."""
        return (pair for _, pair in self.look())

    def look(self) -> Iterator[tuple[Files, Together]]:
        """Yield the images that are compared, with their files, and notice what is odd about them."""
        self.grey, self.equal, self.sizes = False, [], {}
        for own in self.files:
            pair = read_pair(own, self.scale)
            self.grey = self.grey or len(pair.hr) == 1
            if np.array_equal(
                np.broadcast_to(pair.sr, (3, *pair.sr.shape[1:])), np.broadcast_to(pair.hr, (3, *pair.hr.shape[1:]))
            ):
                self.equal.append(own.sr.name)
                continue
            if pair.how:
                self.sizes.setdefault(pair.how, []).append(f"{own.sr.name} is {pair.sizes}")
            yield own, pair
        if len(self.equal) == len(self.files):
            raise DataError(
                f"Every image equals its truth, pixel for pixel; is {self.files[0].sr.parent} the folder of hr?"
            )

    def notes(self) -> Iterator[str]:
        """Say what was left out."""
        if self.equal:
            yield f"Left out, as they equal hr, pixel for pixel: {name_some(self.equal)}; are they the HR files?"

    def wrong_sizes(self) -> Iterator[FaultFacts]:
        """Say which images have a wrong size."""
        for how, texts in self.sizes.items():
            about = f"sr has a wrong size: {name_some(texts)} (height × width). Compared {how}, where they agree best."
            yield FaultFacts("size", about, None, approximate=False)


def _take(images: _Images, wanted: Sequence[Score]) -> tuple[list[Taken], list[Fault]]:
    """Take the scores of images as they are, and without each fault that is found."""
    readings = all_readings(images.scale)
    scores, looks = Scores([reading for score in wanted for reading in readings[score]]), list[Look]()
    for own, pair in images.look():
        scores.add(pair.sr, pair.hr)
        looks.append(look(pair.sr, pair.hr, own.sr))
    found, seen = scores.means(), faults(looks)
    if not images.grey:  # where nothing is kept grey, that equals rounded luma
        found = {reading: value for reading, value in found.items() if reading.colour != "y_kept"}
    taken = [Taken(reading, value) for reading, value in found.items()]
    for fault in seen:
        taken += undone(fault, images, list(found), found)
    return taken, seen


def _facts(taken: Taken, others: Sequence[Taken], judge: Judge) -> ReadingFacts:
    reading = taken.reading
    papers = next(
        (one.value for one in others if not one.remedy and one.reading == usual(reading.score, judge.scale)), None
    )
    return ReadingFacts(
        about=reading.about,
        score=reading.score,
        colour=reading.colour,
        shave=reading.shave,
        way=reading.way,
        value=taken.value,
        difference=None if papers is None else taken.value - papers,
        presets=presets(reading, judge.scale, grey=judge.grey),
        libraries=libraries(reading, judge.scale),
        repaired=taken.remedy,
        approximate=taken.approximate,
    )


def _fault(fault: Fault, taken: Sequence[Taken], scale: Scale) -> FaultFacts:
    papers = usual("psnr", scale)
    without = next(
        (one.value for one in taken if one.reading == papers and fault.remedy and one.remedy == fault.remedy), None
    )
    return FaultFacts(fault.kind, fault.about, without, approximate=not fault.exact)
