"""Realistic records, made without training or measuring anything, and a results folder full of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data as photographs

from srbench.measuring.protocol import protocol_named
from srbench.records.costs import ImageCosts, Profile
from srbench.records.model import ModelFacts
from srbench.records.record import Environment, Record
from srbench.records.scores import Certification, ImageScores, Score
from srbench.records.stored import Measured

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bicubic": {"label": "Bicubic", "source": "fixed", "parameters": 0, "macs": None, "latency": 1.3, "quality": 0.0},
    "espcn": {"label": "ESPCN", "parameters": 21_284, "macs": 4.55, "latency": 9.8, "quality": 0.06},
    "fsrcnn": {"label": "FSRCNN", "parameters": 12_637, "macs": 6.0, "latency": 21.4, "quality": 0.09},
    "edsr_quick": {"label": "EDSR (small)", "parameters": 36_499, "macs": 8.3, "latency": 30.2, "quality": 0.14},
    "edsr_quick_wide": {"label": "EDSR (wide)", "parameters": 151_200, "macs": 34.6, "latency": 88.0, "quality": 0.20},
}
"""Name to facts; quality is how much of the way from bicubic to hr the sr images go."""
METRICS = {
    # column, higher is better, decimals
    "psnr_y": ("psnr_y_db", True, 2),
    "ssim_y": ("ssim_y", True, 4),
    "psnr_rgb": ("psnr_rgb_db", True, 2),
    "ssim_rgb": ("ssim_rgb", True, 4),
    "lpips": ("lpips", False, 4),
}
IMAGES = ("astronaut", "chelsea", "coffee", "camera")
DIFFICULTY = (1.9, -0.4, -1.1, 0.3)


def make_environment(machine: str = "a1b2c3d4") -> Environment:
    return Environment(
        srbench="0.1.0", torch="2.14.1", python="3.12.3", device="cpu", machine=machine,
        machine_name="2 × Example CPU, 8 GiB", git_commit="0123abc", threads=2,
    )  # fmt: skip


def make_profile(architecture: str = "espcn", machine: str = "a1b2c3d4", **changes: Any) -> Profile:
    facts = ARCHITECTURES[architecture]
    macs = facts["macs"]
    none = Measured(reason="bicubic interpolation has no operators that MACs count")
    profile = Profile(
        parameters=Measured(value=facts["parameters"]),
        parameters_deployed=Measured(value=facts["parameters"]),
        macs_720p_g=Measured(value=macs) if macs else none,
        macs_256_g=Measured(value=macs * 0.284) if macs else none,
        activations_m=Measured(value=macs * 1.7) if macs else none,
        latency_ms_p50=Measured(value=facts["latency"]),
        latency_ms_p90=Measured(value=facts["latency"] * 1.2),
        latency_low_ms=facts["latency"] * 0.98,
        latency_high_ms=facts["latency"] * 1.03,
        latency_input="256x256",
        peak_memory_mib=Measured(value=40 + facts["latency"]),
        machine=machine,
    )
    return profile.model_copy(update=changes)


def make_score(
    metric: str, values: list[float], *, protocol: str = "classic-y", scale: int = 2, inference: str = "whole"
) -> Score:
    column, higher, decimals = METRICS.get(metric, (metric, True, 4))
    mean = float(np.mean(values))
    return Score(
        metric=metric, column=column, higher_is_better=higher, decimals=decimals, value=mean,
        low=mean - 1.2 if column.endswith("_db") else mean - 0.012,
        high=mean + 1.1 if column.endswith("_db") else mean + 0.011,
        protocol=f"{metric}@{protocol_named(protocol).describe(scale)},lr=bicubic-u8,{inference}",
    )  # fmt: skip


def make_record(
    architecture: str = "espcn",
    *,
    psnr: float | None = None,
    scale: int = 2,
    dataset: str = "photographs",
    degradation: str = "bicubic",
    distiller: str = "none",
    teacher: str | None = None,
    seed: int = 0,
    protocol: str = "classic-y",
    machine: str = "a1b2c3d4",
    images: tuple[str, ...] = IMAGES,
    reported: float | None = None,
    without: dict[str, str] | None = None,
    created: str = "2026-01-01T00:00:00Z",
    **changes: Any,
) -> Record:
    """A measured cell. ``psnr`` is the mean PSNR-Y; ``without`` maps metrics that have no score to the reason."""
    facts = ARCHITECTURES[architecture]
    trained = facts.get("source", "trained") == "trained"
    centre = (32.4 if scale == 2 else 27.1) + 8 * facts["quality"] if psnr is None else psnr
    name = f"{architecture}/{distiller}/{teacher}/{seed}/{dataset}/{scale}/{degradation}/{protocol}"
    key = hashlib.sha256(name.encode()).hexdigest()
    own = np.random.default_rng(int(key[:8], 16))
    offsets = np.resize(DIFFICULTY, len(images)) + own.normal(0, 0.04, len(images))
    psnr_y = centre + offsets - offsets.mean()
    per_image = {
        "psnr_y": psnr_y,
        "ssim_y": 1 - 10 ** (-psnr_y / 24 + 0.2),
        "psnr_rgb": psnr_y - 1.7,
        "ssim_rgb": 1 - 10 ** (-psnr_y / 24 + 0.23),
        "lpips": 10 ** (-psnr_y / 30 + 0.2),
    }
    inference = changes.get("inference", "whole")
    scores = {
        metric: make_score(metric, list(values), protocol=protocol, scale=scale, inference=inference)
        for metric, values in per_image.items()
    }
    if reported is not None:
        published = {"reported": reported, "reported_source": "paper, table 2"}
        scores["psnr_y"] = scores["psnr_y"].model_copy(update=published)
    for metric, reason in (without or {}).items():
        empty = {"value": None, "reason": reason, "low": None, "high": None}
        scores[metric] = scores[metric].model_copy(update=empty)
    record = Record(
        key=key,
        suite="quick",
        status="ok",
        model=ModelFacts(
            key=key[::-1],
            architecture=architecture,
            label=facts["label"],
            source="trained" if trained else "fixed",
            weights_sha256=key if trained else None,
            distiller=distiller,
            teacher=teacher,
            recipe="quick" if trained else None,
            train_degradation=degradation if trained else None,
            seed=seed if trained else None,
            train_seconds=31.5 if trained else None,
            train_steps=900 if trained else None,
        ),
        dataset=dataset,
        dataset_label=dataset.capitalize(),
        scale=scale,
        degradation=degradation,
        degradation_label={"bicubic": "bicubic ↓", "blur_down": "blur, then ↓"}.get(degradation, degradation),
        protocol=protocol,
        lr_source="bicubic-u8",
        headline=protocol_named(protocol).headline,
        scores=scores,
        images=tuple(
            ImageScores(
                name=image,
                scores={m: None if m in (without or {}) else float(v[i]) for m, v in per_image.items()},
            )
            for i, image in enumerate(images)
        ),
        certification=Certification(status="certified", detail="33.66 dB, published 33.66 dB (Set5 x2, peers §3.4)."),
        profile=make_profile(architecture, machine),
        environment=make_environment(machine),
        created=created,
    )
    return record.model_copy(update=changes)


def draw(record: Record, samples: int = 4, *, sampler: str = "ddim-20", noise: float = 0.1, seed: int = 0) -> Record:
    """Make the record of a network that draws its sr: sample k of an image scores by ``noise`` beside its mean."""
    drawn = f"{sampler},samples={samples}" if samples > 1 else sampler
    own = np.random.default_rng(seed)
    metrics = [metric for metric, score in record.scores.items() if score.value is not None]
    offsets = {metric: own.normal(0, noise, (len(record.images), samples)) for metric in metrics}
    images = []
    for number, image in enumerate(record.images):
        every = {metric: image.scores[metric] + offsets[metric][number] for metric in metrics}
        images.append(
            image.model_copy(
                update={
                    "scores": image.scores | {metric: float(values.mean()) for metric, values in every.items()},
                    "samples": tuple({m: float(every[m][k]) for m in metrics} for k in range(samples)),
                }
            )
        )
    scores = dict(record.scores)
    for metric in metrics:
        over_set = [float(np.mean([image.samples[k][metric] for image in images])) for k in range(samples)]
        scores[metric] = scores[metric].model_copy(
            update={
                "value": float(np.mean(over_set)),
                "samples": tuple(over_set) if samples > 1 else (),
                "protocol": f"{scores[metric].protocol},{drawn}",
            }
        )
    costs = ImageCosts(
        evaluations=int(sampler.rpartition("-")[2]), seconds=Measured(value=1.25),
        peak_memory_mib=Measured(value=321.0), threads=2, machine="a1b2c3d4",
    )  # fmt: skip
    kept = images if samples > 1 else [image.model_copy(update={"samples": ()}) for image in images]
    return record.model_copy(
        update={
            "key": hashlib.sha256(f"{record.key}{drawn}".encode()).hexdigest(), "drawn": drawn,
            "inference": f"{record.inference},{drawn}", "scores": scores, "images": tuple(kept), "image_costs": costs,
        }
    )  # fmt: skip


def answered(values: list[float], seed: int, *, binary: bool = True) -> Record:
    """Make the record of a model that answered images rightly or wrongly."""
    record = make_record(seed=seed, images=tuple(f"image {number:02d}" for number in range(len(values))))
    score = record.scores["psnr_y"].model_copy(
        update={
            "metric": "top1",
            "column": "top1_percent",
            "protocol": "p",
            "value": float(np.mean(values)),
            "binary": binary,
        }
    )
    images = tuple(
        image.model_copy(update={"scores": {"top1": value}}) for image, value in zip(record.images, values, strict=True)
    )
    return record.model_copy(update={"scores": {"top1": score}, "images": images, "headline": "top1"})


def fail(record: Record, reason: str) -> Record:
    """Make the record of a cell that failed."""
    nothing = {"scores": {}, "images": (), "profile": None, "certification": None}
    return record.model_copy(update={"status": "failed", "reason": reason} | nothing)


def write_records(results: Path, records: list[Record]) -> Path:
    """Write records as `srbench run` does; gives the results folder."""
    folder = results / "records"
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        (folder / f"{record.key}-{record.created[:10]}.json").write_text(record.model_dump_json(indent=1))
    return results


def quick_records() -> list[Record]:
    """A sparse grid like the quick suite's: every axis, a failure, an empty cell, several seeds, a paper's score."""
    teacher = "edsr_quick_wide"
    return [
        make_record("bicubic"),
        make_record("espcn", reported=33.0),
        make_record("fsrcnn", without={"lpips": "the AlexNet trunk is not here; `srbench fetch lpips` brings it"}),
        *(make_record("edsr_quick", seed=s, psnr=33.42 + 0.05 * s) for s in range(3)),
        make_record("edsr_quick", distiller="logits", teacher=teacher, psnr=33.61),
        make_record("edsr_quick", distiller="weight_inherit", teacher=teacher, psnr=33.55),
        make_record("edsr_quick_wide", psnr=33.98),
        make_record("bicubic", degradation="blur_down", psnr=29.9),
        make_record("espcn", degradation="blur_down", psnr=31.2),
        make_record("edsr_quick", degradation="blur_down", psnr=31.9),
        make_record("bicubic", scale=4),
        make_record("espcn", scale=4),
        make_record("edsr_quick", scale=4, psnr=28.2),
        fail(make_record("fsrcnn", scale=4), "The loss became NaN at step 312; lower learning_rate."),
    ]


def with_images(results: Path, records: list[Record], side: int = 240, kept: int = 4) -> list[Record]:
    """The records, with sr images that go part of the way from bicubic interpolation to real photographs.

    ``kept`` is how many images of a cell have files, as in a suite.
    """
    folder = results / "records" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    originals = {name: _photograph(name, side) for name in IMAGES}
    done = []
    for record in records:
        if record.status == "failed":
            done.append(record)
            continue
        images = []
        for image in record.images[:kept]:
            hr = originals[image.name]
            small = hr.resize((side // record.scale,) * 2, Image.Resampling.BICUBIC)
            up = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), dtype=float)
            gain = ARCHITECTURES[record.model.architecture]["quality"] * 3 + 0.15 * (record.model.distiller == "logits")
            sr = Image.fromarray((up + gain * (np.asarray(hr, dtype=float) - up)).round().clip(0, 255).astype("uint8"))
            stem = f"{image.name}-x{record.scale}"
            names = {"sr_file": f"{record.key[:12]}-{image.name}.png", "hr_file": f"{stem}-hr.png",
                     "lr_file": f"{stem}-{record.degradation}-lr.png"}  # fmt: skip
            for picture, file in zip((sr, hr, small), names.values(), strict=True):
                picture.save(folder / file)
            images.append(image.model_copy(update={k: f"images/{v}" for k, v in names.items()}))
        done.append(record.model_copy(update={"images": (*images, *record.images[kept:])}))
    return done


def _photograph(name: str, side: int) -> Image.Image:
    picture = Image.fromarray(getattr(photographs, name)()).convert("RGB")
    short = min(picture.size)
    left, top = (picture.width - short) // 2, (picture.height - short) // 2
    return picture.crop((left, top, left + short, top + short)).resize((side, side), Image.Resampling.LANCZOS)
