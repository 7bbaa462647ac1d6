"""Cached means equal: all that decides a result decides its key, and nothing else does."""

import shutil
from dataclasses import replace

import pytest

from srbench.catalog.catalog import build_catalog
from srbench.catalog.discovery import discover, file_plugin
from srbench.catalog.loading import load_plugin
from srbench.errors import CheckpointError, DataError
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.protocol import PROTOCOLS, Inference
from srbench.networks.applied import FitBudget, Sampling
from srbench.profiling.settings import Profiling
from srbench.running import session as sessions
from srbench.running.keys import Keys, file_hash
from srbench.training.tracking import Tracking


@pytest.fixture
def cell(schedule):
    """The one cell of a distilled network, with its teacher."""
    grid = 'architectures = ["dot"]\ndistillers = ["logits"]\nteacher = "wide"'
    (found,) = schedule(grid).plan.cells
    return found


def model_with(cell, **changes):
    return replace(cell.model, **changes)


def test_keys_are_the_same_every_time(session, cell):
    one, other = Keys(session), Keys(session)
    assert one.cell(cell) == other.cell(cell)
    assert one.model(cell.model) == other.model(cell.model)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1}, {"degradation": "blur_down"}, {"scales": (3,)}, {"distiller": "weight_inherit"},
        {"architecture": "wide"}, {"teachers": ()},
    ],
)  # fmt: skip
def test_what_decides_weights_decides_their_key(session, cell, change):
    keys = Keys(session)
    assert keys.model(model_with(cell, **change)) != keys.model(cell.model)


def test_a_teachers_change_reaches_its_student_and_a_warm_starts_too(session, cell):
    keys, student = Keys(session), cell.model
    (teacher,) = student.teachers
    other = replace(teacher, seed=9)
    assert keys.model(replace(student, teachers=(other,))) != keys.model(student)
    assert keys.model(replace(student, teachers=(teacher, other))) != keys.model(student)
    assert keys.model(replace(student, initial=other)) != keys.model(student)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 4}, {"learning_rate": 2e-3}, {"losses": {"l1": 0.5}}, {"ema": 0.9}, {"augment": False},
        {"patch_of": "hr"}, {"progressive": ((2, 16, 4),)}, {"permute_colours": 0.5}, {"mixup": 0.5}, {"pool": 2},
    ],
)  # fmt: skip
def test_what_a_recipe_says_decides_the_key(session, cell, change):
    keys, student = Keys(session), cell.model
    recipe = student.recipe.model_copy(update=change)
    assert keys.model(replace(student, recipe=recipe)) != keys.model(student)


def test_how_often_a_training_reports_decides_nothing(session, cell):
    keys, student = Keys(session), cell.model
    recipe = student.recipe.model_copy(update={"checkpoint_every": 7, "validate_every": 7, "name": "x", "source": "y"})
    assert keys.model(replace(student, recipe=recipe)) == keys.model(student)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 3}, {"degradation": "blur_down"}, {"protocol": PROTOCOLS["rgb"]}, {"inference": Inference(chop=True)},
        {"metrics": ("psnr_y", "ssim_y")},
    ],
)  # fmt: skip
def test_how_a_cell_is_measured_decides_its_key(session, cell, change):
    keys = Keys(session)
    assert keys.cell(replace(cell, **change)) != keys.cell(cell)


def test_how_sr_is_drawn_and_how_long_a_network_is_fitted_decides_a_cells_key(session, cell):
    ways = [
        Inference(),
        *(Inference(sampling=Sampling.named(*named)) for named in (("a-4",), ("a-2",), ("b-4",))),
        Inference(sampling=Sampling.named("a-4", samples=2)),
        Inference(sampling=Sampling.named("a-4", seed=1)),
        *(Inference(fitting=FitBudget(**how)) for how in ({"steps": 4}, {"steps": 5}, {"steps": 4, "seed": 1})),
        *(Inference(fitting=FitBudget(steps=4, seconds=seconds)) for seconds in (1.0, 2.0)),
    ]
    keys = Keys(session)
    assert len({keys.cell(replace(cell, inference=how)).key for how in ways}) == len(ways)


def test_a_fit_within_a_time_belongs_to_a_machine(session, cell):
    other = replace(session, threads=3)  # another machine, as far as times are concerned
    for seconds, same in ((0.0, True), (5.0, False)):
        fit = replace(cell, inference=Inference(fitting=FitBudget(steps=4, seconds=seconds)))
        assert (Keys(other).cell(fit) == Keys(session).cell(fit)) == same


@pytest.mark.parametrize("change", [{"limit": 1}, {"images_kept": 2}, {"device": "cuda:1"}])
def test_what_the_session_says_decides_a_cells_key(session, cell, change):
    assert Keys(replace(session, **change)).cell(cell) != Keys(session).cell(cell)


def test_where_logs_go_and_how_many_threads_there_are_decides_nothing(session, cell, tmp_path):
    other = replace(
        session, threads=3, tracking=Tracking(names=("trackio",), folder=tmp_path), weights_folders=(tmp_path,)
    )
    assert Keys(other).cell(cell) == Keys(session).cell(cell)


def again(session):
    sessions._library.cache_clear()
    return Keys(session)


def test_one_altered_pixel_of_a_dataset_changes_the_keys_it_decides(session, cell, tiny):
    before = Keys(session)
    model, measured = before.model(cell.model), before.cell(cell)
    tiny.picture(tiny.data / "TinyTest" / "ant.png", 77)
    assert again(session).model(cell.model) == model
    assert again(session).cell(cell) != measured
    tiny.picture(tiny.data / "TinyTrain" / "cow.png", 78)
    assert again(session).model(cell.model) != model


def test_lr_that_comes_with_a_dataset_decides_where_it_is_measured_on(session, cell, tiny):
    from srbench.imaging.files import read_image, write_png

    exact = replace(cell, protocol=PROTOCOLS["published-bicubic"])
    before, before_exact = Keys(session).cell(cell), Keys(session).cell(exact)
    folder = tiny.data / "TinyTest"
    (folder / "HR").mkdir()
    for file in list(folder.glob("*.png")):
        shutil.move(file, folder / "HR" / file.name)
        write_png(folder / "LR_bicubic" / "X2" / f"{file.stem}x2.png", read_image(folder / "HR" / file.name)[::2, ::2])
    with_lr = again(session).cell(cell)
    assert with_lr != before
    assert again(session).cell(exact) == before_exact
    write_png(folder / "LR_bicubic" / "X2" / "antx2.png", read_image(folder / "HR" / "ant.png")[1::2, 1::2])
    assert again(session).cell(cell) not in (before, with_lr)


def test_a_missing_training_set_is_no_key_but_a_sentence(session, cell, tiny):
    shutil.rmtree(tiny.data / "TinyTrain")
    with pytest.raises(DataError, match=r"tiny_train is not below"):
        again(session).model(cell.model)


def test_a_changed_plugin_changes_the_keys_of_what_it_provides_alone(session, cell, tiny, monkeypatch, tmp_path):
    bundled = discover(environ={"SRBENCH_PLUGINS": "bundled"})
    file = tmp_path / "copy.py"
    keys = []
    for text in ("", "# a comment is a change too\n"):
        file.write_text(tiny.plugin.read_text() + text)
        changed = build_catalog([*bundled, load_plugin(*file_plugin(file))])
        monkeypatch.setattr(sessions, "_catalog", lambda files, strict, changed=changed: changed)
        made = again(session)
        espcn = replace(cell.model, architecture="espcn", teachers=(), distiller="none")
        certificate = made.certificate("sr", "tiny_test", 2)
        keys.append((made.model(cell.model), made.cell(cell), made.model(espcn), certificate))
    (dot, measured, espcn, certificate), (dot2, measured2, espcn2, certificate2) = keys
    assert dot != dot2
    assert measured != measured2
    assert (espcn, certificate) == (espcn2, certificate2)


def metric(reason):
    return MetricSpec(name="deep", label="Deep", load=lambda device: None, unavailable=lambda: reason)


@pytest.mark.parametrize("name", ["deep"])
def test_a_metric_that_becomes_available_is_measured_though_the_rest_was(session, cell, catalog, monkeypatch, name):
    keys = []
    for reason in ("no weights", "still none", None):
        monkeypatch.setitem(catalog.metrics._specs, name, (metric(reason), catalog.plugins[0]))
        keys.append(Keys(session).cell(replace(cell, metrics=("psnr_y", name))))
    absent, still_absent, there = keys
    assert absent == still_absent
    assert there != absent


def test_timings_belong_to_a_machine_and_a_device(session):
    def name(device="cpu", threads=1, **profiling):
        return Keys(replace(session, device=device, threads=threads)).profile("dot", 2, Profiling(**profiling), None)

    assert name() == name()
    others = (name(threads=2), name(device="cuda:0"), name(device="cuda:1"), name(latency_seconds=9))
    assert len({name(), *others}) == 5


def test_files_of_weights_differ_by_their_bytes(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"x")
    other.write_bytes(b"x")
    assert file_hash(one) == file_hash(other)
    other.write_bytes(b"yy")
    assert file_hash(one) != file_hash(other)
    with pytest.raises(CheckpointError, match=r"nothing cannot be read: No such file"):
        file_hash(tmp_path / "nothing")
