"""Every reader answers any file with a result or with one sentence: never a traceback, and never without end.

``make fuzz`` damages 20,000 files; the tests of every day take a few of each kind.
"""

import io
import json
import lzma
import os
import pickle
import random
import signal
import tarfile
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save as safetensors

from helpers.leaderboards import QUICK
from helpers.mutations import damaged
from helpers.records import make_record
from srbench.benchmarking.results import read_results
from srbench.catalog.catalog import load_catalog
from srbench.cli.console import complain
from srbench.datasets.archives import unpack
from srbench.datasets.manifest import read_manifest
from srbench.degrading.chain_files import read_chain
from srbench.degrading.realisation import Realisation, freeze
from srbench.degrading.steps import Size
from srbench.errors import SrbenchError
from srbench.imaging.files import image_size, read_image
from srbench.networks.weights import load_state_dict
from srbench.planning.suite import load_suite
from srbench.recipe import Recipe
from srbench.report.comparing.reading import read_leaderboard
from srbench.report.reading import read_records
from srbench.toml import read_table

INPUTS = int(os.environ.get("SRBENCH_FUZZ_INPUTS", "200"))
"""Damaged files over all readers together."""
LIMIT = 20
"""Seconds that a reader may take for a small file."""

SUITE = b"""
name = "mine"
protocol = "classic-y"
metrics = ["psnr_y", "ssim_y"]
recipe = "quick"
seeds = [0, 1]
controls = ["none"]
[profile]
latency_seconds = 1.0
[[grid]]
architectures = ["espcn", "edsr_small"]
distillers = ["none", "logits"]
teacher = "edsr_medium"
datasets = ["photographs"]
scales = [2, 4]
degradations = ["bicubic"]
"""
RECIPE = b"""
name = "mine"
datasets = ["photographs_train"]
patch = 24
batch = 8
steps = 600
optimiser = "adam"
learning_rate = 2e-3
schedule = "cosine"
losses = { l1 = 1.0 }
"""
CHAIN = b"""
label = "Mine"
scales = [2, 3]
[[steps]]
step = "blur"
kernel = { kind = "gaussian", sigma = [0.2, 3.0] }
[[steps]]
step = "gaussian_noise"
level = [1, 30]
"""
MANIFEST = b"""
[my_set]
label = "Mine"
split = "test"
images = 2
license = "none"
citation = "none"
folders = ["mine", "Mine/HR"]
entries = [["a", 24, 32], ["b", 24, 32]]
"""


def image(kind, mode="RGB"):
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(stream, kind)
    return stream.getvalue()


def torch_file(content, zipped=True):
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def archive(kind):
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("set/a.png", image("PNG"))
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as tape:
            content = image("PNG")
            info = tarfile.TarInfo("set/a.png")
            info.size = len(content)
            tape.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def leaderboard():
    header = ",".join(QUICK[0])
    return "\n".join([header, *(",".join(f'"{cell}"' for cell in row.values()) for row in QUICK[:3])]).encode()


def realisation():
    return freeze(load_catalog().degradations["anisotropic_noise"], Size(24, 32, 4), 0).model_dump_json().encode()


def in_records(path):
    folder = path.parent / "results" / "records"
    folder.mkdir(parents=True, exist_ok=True)
    path.replace(folder / "a.json")
    return read_records(folder.parent)


def packed(path):
    folder = path.parent / "results"
    folder.mkdir(exist_ok=True)
    path.replace(folder / "records.jsonl.xz")
    return read_records(folder)


def chain(path):
    catalog = load_catalog()
    return read_chain(str(path), catalog.degradations, catalog.steps)


WEIGHTS = {"a.weight": torch.arange(40.0).reshape(4, 10), "a.bias": torch.ones(4)}
RECORD = make_record().model_dump_json(indent=1).encode()
READERS = {
    "suite": ("x.toml", [SUITE], lambda path: load_suite(str(path))),
    "recipe": ("x.toml", [RECIPE], lambda path: read_table(path, Recipe)),
    "chain": ("x.toml", [CHAIN], chain),
    "manifest": ("x.toml", [MANIFEST], read_manifest),
    "image": ("x.png", [image("PNG"), image("JPEG"), image("BMP"), image("PNG", "P"), image("TIFF")], read_image),
    "image size": ("x.png", [image("PNG"), image("WEBP"), image("GIF")], image_size),
    "weights": (
        "x.pth",
        [torch_file(WEIGHTS), torch_file({"state_dict": WEIGHTS}), torch_file(WEIGHTS, zipped=False),
         safetensors(WEIGHTS), pickle.dumps({"a": 1})],
        load_state_dict,
    ),
    "leaderboard": ("x.csv", [leaderboard()], read_leaderboard),
    "results": ("x.csv", [leaderboard()], lambda path: read_results(path).cells),
    "record": ("x.json", [RECORD], in_records),
    "packed records": (
        "x.xz",
        [lzma.compress(json.dumps(json.loads(RECORD)).encode() + b"\n")],
        packed,
    ),
    "archive": ("x.zip", [archive("zip"), archive("tar")], lambda path: unpack(path, path.parent / "out")),
    "realisation": ("x.json", None, Realisation.read),
}  # fmt: skip


@contextmanager
def in_time():
    def stop(*_):
        raise TimeoutError(f"not done after {LIMIT} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.timeout(0)
@pytest.mark.filterwarnings("default")  # a library may warn of what it reads
@pytest.mark.parametrize("reader", READERS)
def test_any_file_is_read_or_refused_in_one_sentence(reader, tmp_path, capsys):
    name, seeds, read = READERS[reader]
    seeds = seeds or [realisation()]
    generator = random.Random(f"{reader} {INPUTS}")
    refused, faults = 0, []
    for number in range(max(1, INPUTS // len(READERS))):
        content = damaged(generator.choice(seeds), generator)
        path = tmp_path / str(number % 8) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        fault = ""
        try:
            with in_time():
                read(path)
        except SrbenchError as error:
            refused += 1
            complain(str(error))
            printed = capsys.readouterr().err
            if len(printed.splitlines()) != 1 or not printed.removesuffix("\n").isprintable():
                fault = printed
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a fault
            fault = repr(error)
        if fault:
            kept = tmp_path / f"kept_{number}_{name}"
            kept.write_bytes(content)
            faults.append(f"{kept}: {fault[:300]!r}")
    assert not faults, "\n".join([f"{len(faults)} faults", *faults[:20]])
    assert refused or INPUTS < 1000, "damage that is never noticed damages nothing"
