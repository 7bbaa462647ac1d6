"""Files of weights are read within bounds and without ever running code; anything else is refused in a sentence."""

import argparse
import collections
import datetime as dt
import gzip
import hashlib
import io
import os
import pathlib
import pickle
import random
import tarfile
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from srbench.errors import CheckpointError
from srbench.networks import checkpoint_files
from srbench.networks.checkpoint_files import read_checkpoint, verified
from srbench.networks.weights import load_state_dict

WEIGHTS = {"a.weight": torch.arange(4.0), "a.bias": torch.ones(1)}


def saved(path, content):
    torch.save(content, path)
    return path


def refusal(path):
    """The sentence with which a file is refused."""
    with pytest.raises(CheckpointError) as caught:
        load_state_dict(path, WEIGHTS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path):
    proof = tmp_path / "exploded"
    for name, write in (("zip.pth", torch.save), ("raw.pth", lambda x, p: p.write_bytes(pickle.dumps(x)))):
        write({"params": WEIGHTS, "extra": Bomb(proof)}, tmp_path / name)
        assert f"which could run code ({os.mkdir.__module__}.mkdir under extra); " in refusal(tmp_path / name)
    assert not proof.exists()


def test_a_pickled_module_is_refused(tmp_path, shared):
    for path in (saved(tmp_path / "m.pth", nn.Linear(2, 2)), shared("weights/refused/pickled_module.pth")):
        assert "pickled Python objects" in refusal(path)
    assert "torch.nn.modules.linear.Linear" in refusal(tmp_path / "m.pth")


@pytest.mark.parametrize(
    "beside",
    [
        np.float64(31.2), np.arange(3.0), argparse.Namespace(scale=2), pathlib.Path("x"), collections.defaultdict(int),
        dt.datetime(2020, 1, 2, tzinfo=dt.UTC), dt.timedelta(1), collections.OrderedDict(a=1), {1, 2},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize("zipped", [True, False])
def test_harmless_objects_beside_weights_are_skipped(beside, zipped, tmp_path):
    content = {"state_dict": WEIGHTS, "beside": beside}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    state = load_state_dict(tmp_path / "w.pth", WEIGHTS).state
    assert all(torch.equal(state[key], WEIGHTS[key]) for key in WEIGHTS)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [">f4", "<f2", "float64", "int64"])
def test_numpy_arrays_are_read_as_the_tensors_they_are(kind, order, tmp_path):
    array = np.asarray(np.arange(6).reshape(2, 3), dtype=kind, order=order)
    state = load_state_dict(saved(tmp_path / "w.pth", {"a": array, "b": np.array(["x"])})).state
    assert state.keys() == {"a"}
    assert state["a"].dtype == torch.from_numpy(array.astype(array.dtype.newbyteorder("="))).dtype
    assert state["a"].tolist() == array.tolist()


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda p: None, "There is no checkpoint at"),
        (lambda p: p.mkdir(), "is a folder, not a file"),
        (os.mkfifo, "is a device or pipe, not a file"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(b"hello world" * 99), "is damaged or not a checkpoint"),
        (lambda p: p.write_bytes(bytes(range(256)) * 9), "is damaged or not a checkpoint"),
        (lambda p: p.write_bytes(saved(p, WEIGHTS).read_bytes()[:-300]), "is damaged or not a checkpoint"),
        (lambda p: p.write_bytes(pickle.dumps({"a": 1}, protocol=2)), "is damaged or not a checkpoint"),
        (lambda p: torch.jit.save(torch.jit.script(nn.Linear(1, 1)), p), "is a TorchScript program"),
    ],
)
@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_what_is_no_checkpoint_is_refused_in_a_sentence(write, text, tmp_path):
    write(tmp_path / "w.pth")
    assert text in refusal(tmp_path / "w.pth")


def zipped(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")


def tarred(path):
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo("w.pth"))


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (lambda p: p.write_bytes(gzip.compress(b"x" * 99)), "an archive, not a checkpoint of PyTorch; unpack it"),
        (tarred, "an archive, not a checkpoint of PyTorch;"),
        (zipped, "an empty ZIP archive, not"),
        (lambda p: zipped(p, "x.npy", "y"), "a ZIP archive, not a checkpoint of PyTorch (its first file is x.npy); if"),
        (lambda p: p.write_text("\n<!DOCTYPE html><html>404"), "a web page, not a checkpoint of PyTorch; download"),
        (lambda p: p.write_text("version https://git-lfs.github.com/spec/v1\n"), "a pointer of Git LFS to a file"),
        (lambda p: p.write_bytes(b"\x08\x08\x12\x07pytorch" + bytes(99)), "an ONNX model, not a checkpoint"),
        (lambda p: p.write_bytes(b"\x1c\0\0\0TFL3" + bytes(99)), "a TensorFlow Lite model, not a checkpoint"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "an HDF5 file, not a checkpoint"),
        (lambda p: p.write_bytes(b"GGUF" + bytes(99)), "a GGUF file, not a checkpoint"),
        (
            lambda p: p.write_bytes(b"MATLAB 5.0 MAT-file"),
            "a MATLAB file, not a checkpoint of PyTorch; give the weights",
        ),
        (lambda p: p.write_bytes(npy(np.zeros(3))), "a NumPy file, not a checkpoint"),
        (lambda p: torch.save(np.zeros(3), p), "holds a NumPy array, not a state dict; save `model.state_dict()`"),
    ],
)
def test_files_of_other_kinds_are_called_by_their_names(write, text, tmp_path):
    write(tmp_path / "w.pth")
    assert text in refusal(tmp_path / "w.pth")


def test_an_official_model_of_another_kind_is_called_by_its_name(shared):
    assert "is a TensorFlow Lite model" in refusal(shared("weights/ncnet/model_none_float.tflite"))
    assert "is a ZIP archive, not a checkpoint" in refusal(shared("weights/ncnet/ncnet_x3_from_tflite.npz"))
    assert "is a MATLAB file" in refusal(shared("weights/vdsr/VDSR_Official.mat"))


def repacked(path, change, **options):
    """Write the archive of a checkpoint again, with the content of its entries changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_an_archive_that_inflates_is_refused_before_it_is_read(tmp_path):
    path = saved(tmp_path / "w.pth", {"a": torch.zeros(2**22)})
    repacked(path, lambda _, content: content, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**18
    assert "packs 16.0 MiB into 0.0 MiB, which PyTorch does not do" in refusal(path)


def test_a_storage_that_declares_more_than_the_file_has_is_refused(tmp_path):
    path = saved(tmp_path / "w.pth", {"a": torch.arange(1000.0)})
    claim = (1000).to_bytes(2, "little"), (2**31 - 1).to_bytes(4, "little")
    repacked(path, lambda name, c: c.replace(b"M" + claim[0], b"J" + claim[1]) if name.endswith("data.pkl") else c)
    assert "is damaged or not a checkpoint of PyTorch" in refusal(path)


def test_the_older_format_may_not_declare_terabytes_either(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({"a": torch.arange(1000.0)}, path, _use_new_zipfile_serialization=False)
    claim = (1000).to_bytes(2, "little"), (2**31 - 1).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(b"M" + claim[0], b"J" + claim[1]))
    assert "is damaged or not a checkpoint of PyTorch" in refusal(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_mutated_files_are_read_or_refused_in_a_sentence(zipped, tmp_path):
    buffer = io.BytesIO()
    torch.save({"params": WEIGHTS, "epoch": 3, "names": ["a", "b"]}, buffer, _use_new_zipfile_serialization=zipped)
    whole, choose = buffer.getvalue(), random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(choose.choice((1, 1, 2, 8))):
            data[choose.randrange(len(data))] = choose.randrange(256)
        (tmp_path / "w.pth").write_bytes(data)
        with suppress(CheckpointError):
            read_checkpoint(tmp_path / "w.pth")


def test_a_truncated_safetensors_file_is_refused(tmp_path):
    save_file(WEIGHTS, tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    for length in (4, 20, len(content) - 1):
        (tmp_path / "w.safetensors").write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            load_state_dict(tmp_path / "w.safetensors")


def test_an_oversized_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "w.pth").open("wb") as file:
        file.truncate(checkpoint_files.MAX_BYTES + 1)
    with pytest.raises(CheckpointError, match=r"has 4.0 GiB, more than the 4 GiB"):
        load_state_dict(tmp_path / "w.pth")


def test_a_file_is_held_against_its_published_hash(tmp_path):
    path = tmp_path / "w.bin"
    path.write_bytes(b"weights")
    assert verified(path, hashlib.sha256(b"weights").hexdigest()) == path
    with pytest.raises(CheckpointError, match="is not the published file"):
        verified(path, "0" * 64)
