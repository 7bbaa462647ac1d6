"""A planned model becomes a network with its weights, or a sentence says why not."""

import hashlib
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from srbench.datasets.library import Library
from srbench.errors import CheckpointError
from srbench.networks.spec import Checkpoint
from srbench.planning.cells import Model
from srbench.report.reading import read_records
from srbench.running.events import Note, unheard
from srbench.running.keys import Keys
from srbench.running.models import find_checkpoint, load_model, stored_model
from srbench.running.runner import run_plan
from srbench.running.stages import WEIGHTS

CPU = torch.device("cpu")


def test_a_network_gets_its_weights_and_is_in_eval_mode(catalog, tmp_path):
    spec = catalog.architectures["dot"]
    state = spec.build(2).state_dict()
    torch.save(state, tmp_path / "w.pth")
    model = Model(architecture="dot", source="file", files=(tmp_path / "w.pth",), scales=(2,))
    network = load_model(model, Library(None, catalog.datasets), catalog, tmp_path, [], CPU).network
    assert not network.module.training
    assert all(torch.equal(w, state[name]) for name, w in network.module.state_dict().items())


def test_a_network_with_several_files_gets_the_mean_of_their_weights(catalog, tmp_path):
    files = tuple(tmp_path / name for name in ("a.pth", "b.pth"))
    states = [catalog.architectures["dot"].build(2).state_dict() for _ in files]
    for file, state in zip(files, states, strict=True):
        torch.save({key: torch.randn_like(value) for key, value in state.items()}, file)
    model = Model(architecture="dot", source="file", files=files, scales=(2,))
    found = load_model(model, Library(None, catalog.datasets), catalog, tmp_path, [], CPU).network.module.state_dict()
    first, second = (torch.load(file, weights_only=True) for file in files)
    assert all(torch.allclose(found[key], (first[key] + second[key]) / 2) for key in found)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "There is no checkpoint at"), (b"", "is empty"), (b"noise", "is damaged or no checkpoint")],
)
def test_trained_weights_that_are_missing_or_damaged_are_reported(catalog, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "weights.safetensors").write_bytes(content)
    model = Model(architecture="dot", source="trained", scales=(2,))
    with pytest.raises(CheckpointError, match=reason if content != b"noise" else "is damaged"):
        load_model(model, Library(None, catalog.datasets), catalog, tmp_path, [], CPU)


def test_a_published_checkpoint_is_found_below_or_in_its_folder_and_checked(tmp_path):
    known = Checkpoint(tag="x", scale=2, file="net/a.pth", sha256=hashlib.sha256(b"good").hexdigest())
    with pytest.raises(
        CheckpointError, match=r"net.x has no public address and was not found \(looked for .*net/a.pth"
    ):
        find_checkpoint(known, [tmp_path], "net.x")
    with pytest.raises(CheckpointError, match=r"no --weights-dir was given"):
        find_checkpoint(known, [], "net.x")
    (tmp_path / "a.pth").write_bytes(b"good")
    assert find_checkpoint(known, [tmp_path / "none", tmp_path], "net.x") == tmp_path / "a.pth"
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "a.pth").write_bytes(b"evil")
    with pytest.raises(CheckpointError, match=r"net/a.pth is not the published file"):
        find_checkpoint(known, [tmp_path], "net.x")


def test_a_checkpoint_without_weights_for_the_scale_is_reported(catalog, tmp_path):
    model = Model(architecture="dot", source="checkpoint", checkpoint="none", scales=(2,))
    with pytest.raises(CheckpointError, match=r"dot.none has no weights for x2"):
        load_model(model, Library(None, catalog.datasets), catalog, tmp_path, [], CPU)


def test_loading_foreign_weights_forgets_nothing(session, schedule, tmp_path, catalog):
    (cell,) = schedule('architectures = ["dot"]').plan.cells
    (tmp_path / "foreign.pth").write_bytes(b"x")
    given = replace(cell.model, source="file", files=(tmp_path / "foreign.pth",), recipe=None)
    with pytest.raises(CheckpointError, match=r"foreign.pth is damaged") as error:
        stored_model(given, session, Keys(session), CPU)
    assert "next run" not in str(error.value)


def test_what_was_taken_from_a_file_and_what_is_doubtful_of_it_is_said_and_recorded(schedule, catalog, tmp_path):
    state = catalog.architectures["dot"].build(2).state_dict()
    torch.save({"net": {f"module.{k}": w for k, w in state.items()}, "epoch": 3, "scale": 3}, tmp_path / "w.pth")
    notes = []

    def hear(event):
        if isinstance(event, Note):
            notes.append(event.text)

    grid = f'architectures = ["dot"]\nweights = ["{tmp_path / "w.pth"}"]'
    run_plan(schedule(grid), tmp_path / "results", catalog.executors["here"], 1, hear)
    (record,) = read_records(tmp_path / "results").records
    assert record.model.weights_read == "net.module"
    stated, photograph = record.doubts
    assert "w.pth says that it is for x3, and it is used at x2" in stated
    assert "On a photograph, these weights of dot give" in photograph
    assert notes[0].startswith("From ")
    assert notes[0].endswith("w.pth, srbench read net.module.")
    assert len(notes) == 3


def test_trained_weights_that_change_while_they_are_needed_are_refused_and_forgotten(
    schedule, session, catalog, tmp_path
):
    plan = schedule('architectures = ["dot"]')
    run_plan(plan, tmp_path / "results", catalog.executors["here"], 1, unheard)
    (weights,) = session.cache.rglob(WEIGHTS)
    state = load_file(weights)
    save_file({name: weight + 1 for name, weight in state.items()}, weights)
    (cell,) = plan.plan.cells
    with pytest.raises(CheckpointError, match=r"has changed since its training ended .* trains them again"):
        stored_model(cell.model, session, Keys(session), CPU)
    assert not weights.exists()
