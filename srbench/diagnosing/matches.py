"""Find the readings that give a claimed score, and say so in sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from srbench.diagnosing.faults import Fault
from srbench.diagnosing.pairs import Together
from srbench.diagnosing.readings import (
    Reading,
    Score,
    described,
    grouped,
    libraries,
    likelihood,
    presets,
    usual,
)  # fmt: skip
from srbench.diagnosing.scores import scores_of
from srbench.errors import UsageError
from srbench.imaging.folders import name_some
from srbench.scales import Scale, next_whole

ABOUT = {"psnr": 0.4, "ssim": 0.01}
"""How far an estimate may be from the claimed score."""
DIGITS = {"psnr": 2, "ssim": 4}
"""Digits after the point, as papers print."""
SHOWN = 4
"""Further ways that a sentence names."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A score that was taken of the images."""

    reading: Reading
    value: float
    remedy: str = ""
    """What was undone first; empty for the images as they are."""
    approximate: bool = False
    """Whether that gives an estimate only."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A score as somebody printed it."""

    text: str
    score: Score
    value: float
    tolerance: float
    """Half of its last digit."""

    @classmethod
    def read(cls, text: str) -> Claim:
        """Read a claimed score: up to 1 it is SSIM, otherwise PSNR in dB.

        Raises:
            UsageError: It cannot be read as a number.
        """
        plain = text.strip().removesuffix("dB").strip()
        if not re.fullmatch(r"\d{1,3}(\.\d{1,9})?|\.\d{1,9}", plain):
            raise UsageError(f"--claim {text} is not a score; give it as it was printed, such as 30.56 or 0.8706.")
        digits = len(plain.partition(".")[2])
        value = float(plain)
        return cls(plain, "ssim" if value <= 1 else "psnr", value, 0.5 * 10.0**-digits + 1e-9)

    def met_by(self, taken: Taken) -> bool:
        """Whether a score is the claimed one, within its digits, or as near as an estimate can be."""
        tolerance = max(self.tolerance, ABOUT[self.score]) if taken.approximate else self.tolerance
        return taken.reading.score == self.score and abs(taken.value - self.value) <= tolerance


def undone(
    fault: Fault, pairs: Iterable[Together], readings: Sequence[Reading], found: Mapping[Reading, float]
) -> Iterator[Taken]:
    """Yield the scores of images without a fault.

    Args:
        fault: One that can be undone.
        pairs: The images, which can be read several times.
        readings: The ways to take scores.
        found: The scores of the images as they are.
    """
    repair = fault.repair
    if repair is None:
        return
    changed = scores_of(((repair(pair.sr), pair.hr) for pair in pairs), readings)
    if fault.does_again:
        apart = scores_of(((repair(pair.sr), pair.sr) for pair in pairs), readings)
        changed = {
            reading: _before(reading.score, found[reading], value, apart.get(reading, math.inf))
            for reading, value in changed.items()
        }
    for reading, value in changed.items():
        if math.isfinite(value):
            yield Taken(reading, value, fault.remedy, approximate=not fault.exact)


def _before(score: Score, once: float, twice: float, apart: float) -> float:
    """Estimate a score before damage from those after it was done once and twice.

    The squared error that the damage adds is about that between both, ``apart``, without what they have in common: it
    is taken as the mean of that and of what the second time adds. On RCAN's images, saved as JPEG of quality 60 to 95,
    it is right within 0.4 dB.
    """
    if score == "ssim":
        return 2 * once - twice
    error, again, between = (10 ** (-value / 10) for value in (once, twice, apart))
    rest = error - (again - error + between) / 2
    return -10 * math.log10(rest) if rest > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Judge:
    """Knows what readings are called, and which are likelier."""

    scale: Scale
    grey: bool
    """Whether there are greyscale images."""

    def names(self, reading: Reading) -> tuple[str, ...]:
        """Return the presets, libraries and released code that are a reading."""
        return presets(reading, self.scale, grey=self.grey) + libraries(reading, self.scale)

    def rank(self, taken: Taken) -> tuple[float, float]:
        """Return a key that sorts scores by how likely somebody means them."""
        unlikely = likelihood(taken.reading, self.scale, grey=self.grey)
        return unlikely + (0 if not taken.remedy else 1.5 if taken.approximate else 0.5), taken.reading.shave

    def in_words(self, taken: Taken, shave: str = "") -> str:
        """Describe a score: "PSNR on RGB, shave 4 (preset ntire-esr), with red and blue exchanged"."""
        own = presets(taken.reading, self.scale, grey=self.grey)
        code = libraries(taken.reading, self.scale)
        names = [f"preset{'s' * (len(own) > 1)} {' and '.join(own)}"] if own else [name_some(code)] if code else []
        text = described(taken.reading, shave or str(taken.reading.shave)) + "".join(f" ({name})" for name in names)
        return f"{text}, with {taken.remedy}{' (about)' * taken.approximate}" if taken.remedy else text

    def verdict(self, claim: Claim, named: Sequence[Taken], taken: Sequence[Taken]) -> str:
        """Say what a claimed score is.

        Args:
            claim: The claimed score.
            named: The scores that meet it, the likeliest first.
            taken: All scores.
        """
        own = {one.reading: one.value for one in taken if not one.remedy}
        papers, digits = usual(claim.score, self.scale), DIGITS[claim.score]
        theirs = own.get(papers, math.nan)
        if not named:
            near = min(taken, key=lambda one: abs(one.value - claim.value))
            text = (
                f"No way in use gives {claim.text}. The nearest is {near.value:.{digits + 1}f}: {self.in_words(near)}."
            )
        else:
            text = f"{claim.text} is {self.in_words(named[0])}."
        if not named or named[0].reading != papers:
            text += f" Papers print {papers.about} (preset classic-y), which is {theirs:.{digits}f} here."
        elif named[0].remedy:
            text += f" As the images are, it is {theirs:.{digits}f}."
        return f"{text} {self._others(named)}".rstrip()

    def _others(self, named: Sequence[Taken]) -> str:
        """Name the further ways, those that differ in the shave alone together."""
        rest = [
            one
            for one in named[1:]
            if (one.reading.colour, one.reading.way) != (named[0].reading.colour, named[0].reading.way)
        ]
        texts = [
            described(reading, shaves) for reading, shaves in grouped([one.reading for one in rest if not one.remedy])
        ]
        texts += dict.fromkeys(self.in_words(one) for one in rest if one.remedy)
        more = f"; and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
        return f"Less likely, it is {'; '.join(texts[:SHOWN])}{more}." if texts else ""

    def spread(self, taken: Sequence[Taken]) -> str:
        """Say what the usual scores are, and between which values those of other ways are."""
        texts = []
        for score, digits in DIGITS.items():
            own = {one.reading: one.value for one in taken if not one.remedy and one.reading.score == score}
            known = {reading: value for reading, value in own.items() if self.names(reading)}
            papers = usual(score, self.scale)  # type: ignore[arg-type]
            if papers in own:
                low, high = (pick(known, key=lambda reading: known[reading]) for pick in (min, max))
                texts.append(
                    f"{papers.about} is {own[papers]:.{digits}f}, as papers print (preset classic-y). Others print "
                    f"{known[low]:.{digits}f} ({self.names(low)[0]}: {low.about}) to {known[high]:.{digits}f} "
                    f"({self.names(high)[0]}: {high.about}) of the same images."
                )
        return " ".join(texts)

    def table(self, taken: Sequence[Taken]) -> list[Taken]:
        """Return the scores of ways that have a name, or differ from the usual one in one respect."""
        own = next_whole(self.scale)
        shown = []
        for one in taken:
            reading, papers = one.reading, usual(one.reading.score, self.scale)
            same = sum(getattr(reading, part) == getattr(papers, part) for part in ("colour", "shave", "way"))
            if not one.remedy and (self.names(reading) or (same >= 2 and reading.shave in (0, own, own + 6))):
                shown.append(one)
        return sorted(shown, key=lambda one: (one.reading.score, one.value))
