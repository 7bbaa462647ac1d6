"""The table of tracks. A new one is a row here; a formula that none has yet is a function in `formulas`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType

from srbench.errors import UnknownNameError
from srbench.judging import formulas
from srbench.judging.track import TIMING, Gate, Parts, Published, Term, Track, Values

RUNTIME = Term(
    name="runtime_ms", about="Time of an image, milliseconds.", decimals=2,
    columns={"ave_time_ms": 1, "latency_ms_p50": 1}, conditions=TIMING,
)  # fmt: skip
FLOPS = Term(
    name="flops_g", about="Multiply-accumulates for a 256x256 input, 1e9; what the organisers call FLOPs.", decimals=2,
    columns={"macs_256_g": 1},
)  # fmt: skip
PARAMETERS = Term(
    name="params_m", about="Parameters as deployed, 1e6.", decimals=3, columns={"parameters_deployed": 1e-6},
)  # fmt: skip
PSNR_VALID = Term(
    name="psnr_valid", about="PSNR on RGB, 4 pixels shaved, on the validation set of the track, dB.", decimals=2,
    columns={"val_psnr": 1},
)  # fmt: skip
PSNR_TEST = Term(
    name="psnr_test", about="The same on its test set, dB.", decimals=2, columns={"test_psnr": 1},
)  # fmt: skip
PSNR_Y = Term(
    name="psnr_y", about="PSNR on luma, dB.", decimals=2, columns={"psnr_y_db": 1}, conditions=("psnr_y_protocol",),
)  # fmt: skip
PSNR_RGB = Term(
    name="psnr_rgb", about="PSNR on RGB, dB.", decimals=2, columns={"psnr_rgb_db": 1},
    conditions=("psnr_rgb_protocol",),
)  # fmt: skip
COSTS = (RUNTIME, FLOPS, PARAMETERS)


def _metric(name: str) -> Term:
    return Term(
        name=name, about=f"Mean of {name.upper()} over all images, as pyiqa computes it by default.",
        columns={f"pyiqa_{name}": 1}, conditions=(f"pyiqa_{name}_protocol", f"{name}_protocol"),
    )  # fmt: skip


PERCEPTUAL = tuple(map(_metric, ("lpips", "dists", "clipiqa", "maniqa", "musiq", "niqe")))


def _efficiency(weights: Mapping[str, float], row: Values, baseline: Values) -> Parts:
    scores = {name: formulas.cost_score(row[name], baseline[name]) for name in weights}
    names = {RUNTIME.name: "S runtime", FLOPS.name: "S FLOPs", PARAMETERS.name: "S params"}
    return {names[name]: score for name, score in scores.items()} | {"final": formulas.weighted(scores, weights)}


def _perceptual(row: Values) -> Parts:
    parts = formulas.perceptual(**{term.name: row[term.name] for term in PERCEPTUAL})
    return parts | {"perceptual": sum(parts.values())}


def _perceptual_alone(row: Values, _: Values) -> Parts:
    return _perceptual(row)


def _both(row: Values, _: Values) -> Parts:
    return {"restoration": row[PSNR_Y.name], "perceptual": _perceptual(row)["perceptual"]}


def _by_both_ranks(rows: Sequence[Parts]) -> list[Parts]:
    """Add the rank of each row by PSNR and by the perceptual score, the better of both, and their mean."""
    own = [formulas.ranks([(-row[name],) for row in rows]) for name in ("restoration", "perceptual")]
    return [
        row
        | {"restoration rank": float(first), "perceptual rank": float(second)}
        | {"better rank": float(min(first, second)), "mean rank": (first + second) / 2}
        for row, first, second in zip(rows, *own, strict=True)
    ]


def _mobile(row: Values, baseline: Values) -> Parts:
    quality = _perceptual(row)["perceptual"]
    speed_up = baseline[RUNTIME.name] / row[RUNTIME.name]
    final = formulas.mobile(quality, row[RUNTIME.name], baseline[RUNTIME.name])
    return {"perceptual": quality, "speed-up": speed_up, "final": final}


def _real_time(row: Values, baseline: Values) -> Parts:
    gain = row[PSNR_RGB.name] - baseline[PSNR_RGB.name]
    return {"PSNR gain": gain, "final": formulas.real_time(gain, row[RUNTIME.name])}


NIQE = PERCEPTUAL[-1]
MA = Term(
    name="ma", about="Mean over all images of the score of Ma et al. (2017), which pyiqa calls nrqm.",
    columns={"pyiqa_nrqm": 1}, conditions=("pyiqa_nrqm_protocol",),
)  # fmt: skip
RMSE = Term(
    name="rmse", about="Root of the mean over images of the squared error of luma of 8 bits, 4 pixels shaved, in "
    "levels of 255.", decimals=3,
)  # fmt: skip


def _pirm(row: Values, _: Values) -> Parts:
    index = formulas.perceptual_index(row[NIQE.name], row[MA.name])
    return {"region": float(formulas.region(row[RMSE.name])), "PI": index}


def _efficient(year: int, weights: tuple[float, float, float], published: Published) -> Track:
    shares = dict(zip((term.name for term in COSTS), weights, strict=True))
    return Track(
        name=f"ntire-esr-{year}",
        label=f"NTIRE {year} efficient SR",
        formula=" + ".join(f"{share:g} S {name.partition('_')[0]}" for name, share in shares.items())
        + ", S = exp(2 cost / cost of the baseline)",
        source=f"README of Amazingren/NTIRE{year}_ESR",
        terms=COSTS,
        score=partial(_efficiency, shares),
        ranked_by=("final",),
        higher_is_better=False,
        gates=(Gate(term=PSNR_VALID, least=26.90), Gate(term=PSNR_TEST, least=26.99)),
        baseline=published.name,
        baseline_terms=tuple(shares),
        published=published,
        scale=4,
    )


def _published(name: str, runtime_ms: float, flops_g: float, params_m: float) -> Published:
    values = {RUNTIME.name: runtime_ms, FLOPS.name: flops_g, PARAMETERS.name: params_m}
    return Published(
        name=name, values=values, conditions={RUNTIME.name: "an NVIDIA RTX A6000, mean of five runs"}
    )  # fmt: skip


_PERCEPTUAL_FORMULA = "(1 − LPIPS) + (1 − DISTS) + CLIPIQA + MANIQA + MUSIQ/100 + max(0, (10 − NIQE)/10)"


def _image_sr(year: int) -> tuple[Track, Track]:
    source = f"README of NTIRE{year}_ImageSR_x4, and its eval.py"
    return (
        Track(
            name=f"ntire-perceptual-{year}",
            label=f"NTIRE {year} image SR, perceptual",
            formula=f"{_PERCEPTUAL_FORMULA}, of means over images",
            source=source,
            terms=PERCEPTUAL,
            score=_perceptual_alone,
            ranked_by=("perceptual",),
            higher_is_better=True,
            scale=4,
        ),
        Track(
            name=f"ntire-sr-{year}",
            label=f"NTIRE {year} image SR, both tracks",
            formula="by the better of the ranks by PSNR-Y and by the perceptual score, then by their mean",
            source=source,
            terms=(PSNR_Y, *PERCEPTUAL),
            score=_both,
            together=_by_both_ranks,
            ranked_by=("better rank", "mean rank"),
            higher_is_better=False,
            scale=4,
        ),
    )


TRACKS: Mapping[str, Track] = MappingProxyType(
    {
        track.name: track
        for track in (
            _efficient(2025, (0.7, 0.15, 0.15), _published("efdn", 16.69, 16.70, 0.276)),
            _efficient(2026, (0.8, 0.1, 0.1), _published("span", 7.74, 9.83, 0.151)),
            *_image_sr(2025),
            *_image_sr(2026),
            Track(
                name="mobile-real-world-2026",
                label="Mobile real-world SR 2026",
                formula="2^perceptual · (runtime of the baseline / runtime)^0.2",
                source="arXiv 2604.17306",
                terms=(*PERCEPTUAL, RUNTIME),
                score=_mobile,
                ranked_by=("final",),
                higher_is_better=True,
                baseline="osediff",
                baseline_terms=(RUNTIME.name,),
                scale=4,
            ),
            Track(
                name="ntire-rtsr-2023",
                label="NTIRE 2023 real-time SR",
                formula="2^(PSNR − PSNR of bicubic) · 2 / (0.1 √runtime), 0 below bicubic",
                source="NTIRE 2023 real-time SR challenge",
                terms=(PSNR_RGB, RUNTIME),
                score=_real_time,
                ranked_by=("final",),
                higher_is_better=True,
                baseline="bicubic",
                baseline_terms=(PSNR_RGB.name,),
            ),
            Track(
                name="pirm-2018",
                label="PIRM 2018 perceptual SR",
                formula="PI = ((10 − Ma) + NIQE) / 2, in regions of RMSE up to 11.5, 12.5 and 16",
                source="evaluate_results.m of roimehrez/PIRM2018",
                terms=(RMSE, NIQE, MA),
                score=_pirm,
                ranked_by=("PI",),
                higher_is_better=False,
                apart="region",
                gates=(Gate(term=RMSE, most=formulas.REGIONS[-1]),),
                scale=4,
            ),
        )
    }
)


def track_named(name: str) -> Track:
    """Return the track called ``name``, or raise `UnknownNameError`."""
    if name not in TRACKS:
        raise UnknownNameError.among("track", name, TRACKS)
    return TRACKS[name]
