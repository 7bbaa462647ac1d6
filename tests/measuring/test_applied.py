"""Networks that draw are scored sample by sample, networks that are fitted get lr and nothing else; both have costs."""

import sys
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch

import srbench
from helpers.applied import Gaussian, Regression, gaussian, regression, repeated
from srbench.datasets.library import Library
from srbench.errors import UsageError
from srbench.imaging.files import read_image, write_png
from srbench.imaging.resize import imresize
from srbench.measuring.inference import Draw, enlarge, super_resolve
from srbench.measuring.measure import measure
from srbench.measuring.metrics.spec import MetricSpec, SampleMetricSpec, SetMetricSpec
from srbench.measuring.pairs import Pairs
from srbench.measuring.protocol import Inference, protocol_named
from srbench.networks.applied import FitBudget, Sampling
from srbench.profiling.image_costs import image_costs
from srbench.scales import read_scale

CPU = torch.device("cpu")
MSE = MetricSpec(name="mse", label="MSE", load=lambda device: lambda sr, hr: (sr - hr).square().mean((1, 2, 3)))
SPREAD = SampleMetricSpec(name="spread", label="spread", load=lambda device: lambda samples: samples.var(0).mean())
MEANS = SetMetricSpec(
    name="means", label="means", load=lambda device: lambda image: image.mean((2, 3)),
    score=lambda sr, hr: (sr.mean(0) - hr.mean(0)).square().sum().item(),
)  # fmt: skip


@pytest.fixture
def pairs(tmp_path, catalog):
    """Images of middle brightness, so that noise is never clamped, in a dataset with or without LR of its own."""

    def make(count=2, side=32, own_lr=False, detail=False, degradation="bicubic", **facts):
        spec = srbench.DatasetSpec(
            name="calm", label="Calm", split="test", images=count, license="CC0-1.0", citation="nobody"
        )
        for number in range(count):
            random = np.random.default_rng(number)
            lr = random.integers(90, 166, (side // 2, side // 2, 3), dtype=np.uint8)
            hr = lr.repeat(2, 0).repeat(2, 1)
            if detail:  # of which lr has nothing
                hr += np.tile(np.array([[0, 8], [8, 0]], np.uint8)[..., None], (side // 2, side // 2, 1))
            write(tmp_path / f"Calm/HR/{number}.png", hr)
            if own_lr:
                write(tmp_path / f"Calm/LR_bicubic/X2/{number}x2.png", lr)
        return Pairs(
            library=Library(tmp_path, {"calm": spec}), dataset=spec, degradation=catalog.degradations[degradation],
            code_hash="f", scale=2, protocol=protocol_named("liif"), **facts,
        )  # fmt: skip

    return make


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(path, pixels)


def run(network, pairs, inference, metrics=(MSE, SPREAD, MEANS), folder=Path(), keep=0):
    return measure(network, pairs, metrics, inference, CPU, keep=keep, folder=folder, advance=lambda: None)


def sampled(samples=1, choice="ancestral-2", seed=0):
    return Inference(sampling=Sampling.named(choice, samples=samples, seed=seed))


def fitted(steps=5, seconds=0.0, seed=0):
    return Inference(fitting=FitBudget(steps=steps, seconds=seconds, seed=seed))


# --- samples ----------------------------------------------------------------------------------------------------


def test_the_expected_scores_of_samples_are_those_of_the_distribution(pairs):
    deviation, count, side, border = 0.02, 4, 32, 2
    found = run(gaussian(Gaussian(deviation)), pairs(count, side), sampled(8))
    mean = run(gaussian(Gaussian(deviation)), pairs(count, side), sampled(1, "mean-1"))
    values = 8 * count * 3 * (side - 2 * border) ** 2
    of_mean = mean.scores["mse"].value
    # of n squares of normal values about an error e: variance (2 s^4 + 4 e^2 s^2) / n; four standard deviations
    width = 4 * ((2 * deviation**4 + 4 * of_mean * deviation**2) / values) ** 0.5
    assert found.scores["mse"].value == pytest.approx(of_mean + deviation**2, abs=width)
    assert found.scores["spread"].value == pytest.approx(deviation**2, rel=4 * (2 / values) ** 0.5)
    assert mean.scores["spread"].reason == "needs several sr of an image, and this model makes one"
    # the squared distance of means grows by the variance of a mean over all pixels of all images, once a channel
    of_set = deviation**2 / (count * (side - 2 * border) ** 2)
    rise = found.scores["means"].value - mean.scores["means"].value
    assert abs(rise) < 20 * of_set + 20 * (of_set * mean.scores["means"].value) ** 0.5
    assert len(set(found.scores["means"].samples)) == 8


def test_every_sample_has_its_scores_and_their_mean_is_the_image_s(pairs):
    found = run(gaussian(), pairs(2), sampled(3))
    for image in found.images:
        assert [set(sample) for sample in image.samples] == [{"mse", "means"}] * 3, "a spread is of all together"
        assert image.scores["mse"] == pytest.approx(fmean(sample["mse"] for sample in image.samples))
        assert len({sample["mse"] for sample in image.samples}) == 3
    score = found.scores["mse"]
    over_images = [fmean(image.samples[number]["mse"] for image in found.images) for number in range(3)]
    assert score.samples == pytest.approx(over_images)
    assert score.value == pytest.approx(fmean(over_images))
    assert found.scores["spread"].samples == ()
    assert score.protocol.endswith("whole,ancestral-2,samples=3")


def test_one_sample_is_the_first_of_several_and_has_no_list(pairs):
    one, three = (run(gaussian(), pairs(2), sampled(count)) for count in (1, 3))
    assert [image.samples for image in one.images] == [(), ()]
    assert one.scores["mse"].samples == ()
    assert one.images[1].scores["mse"] == three.images[1].samples[0]["mse"]


def test_a_sample_depends_on_seed_image_and_number_alone(pairs):
    all_of_them, first = (run(gaussian(), pairs(3, limit=limit), sampled(2)) for limit in (None, 1))
    assert first.images[0] == all_of_them.images[0]
    last = replace_order(pairs(3))
    assert run(gaussian(), last, sampled(2)).images[0] == all_of_them.images[2]
    other = run(gaussian(), pairs(3), sampled(2, seed=1))
    assert other.images[0].scores["mse"] != all_of_them.images[0].scores["mse"]


def replace_order(made):
    images = dict(reversed(made.library.images(made.dataset).items()))
    made.library.images = lambda spec: images
    return made


def test_a_sample_that_equals_hr_has_no_score_and_the_others_do_not_hide_it(pairs, catalog):
    class Perfect(Gaussian):
        def sample(self, lr, sampler, steps, generator):
            exact = torch.full_like(repeated(lr), 128 / 255)
            return exact if torch.rand((), generator=generator) < 0.5 else exact + 0.1

    made = pairs(1)
    write(next(iter(made.library.images(made.dataset).values())), np.full((32, 32, 3), 128, np.uint8))
    found = run(gaussian(Perfect()), made, sampled(6), (catalog.metrics["psnr_rgb"],))
    values = [sample["psnr_rgb"] for sample in found.images[0].samples]
    assert None in values
    assert any(values)
    assert found.images[0].scores["psnr_rgb"] is None
    score = found.scores["psnr_rgb"]
    assert (score.value, score.reason, score.samples) == (None, "infinite on 0: sr equals hr there", ())


def test_all_samples_are_kept_as_files(pairs, tmp_path):
    found = run(gaussian(), pairs(2), sampled(3), folder=tmp_path / "kept", keep=1)
    files = found.images[0].sample_files
    assert files == ("0_sr.png", "0_sr2.png", "0_sr3.png")
    assert found.images[0].sr_file == files[0]
    assert len({read_image(tmp_path / "kept" / name).tobytes() for name in files}) == 3
    assert found.images[1].sample_files == ()
    assert run(gaussian(), pairs(2), sampled(1), folder=tmp_path / "one", keep=1).images[0].sample_files == ()


def test_a_network_without_a_choice_is_called(pairs):
    found = run(gaussian(), pairs(1), Inference(), (MSE,))
    assert (found.effort, found.scores["mse"].protocol[-6:]) == (None, ",whole")


@pytest.mark.parametrize(
    ("part", "named"),
    [({"tile": 8, "overlap": 2}, "tiles"), ({"chop": True}, "chop"), ({"self_ensemble": True}, "self_ensemble")],
)
@pytest.mark.parametrize(
    ("network", "how"), [(gaussian(), "draws sr step by step"), (regression(), "is fitted to each image")]
)
def test_parts_and_views_are_refused(network, how, part, named):
    with pytest.raises(UsageError, match=f"{how}, always a whole one; leave out {named}"):
        super_resolve(network, torch.rand(1, 3, 16, 16), 2, Inference(**part))


def test_a_larger_scale_is_reduced_to_that_of_the_cell():
    lr = torch.rand(1, 3, 8, 8)
    inference = Inference(resize=2, sampling=Sampling.named("ancestral-2"))
    larger = enlarge(gaussian(), lr, 2, Inference(sampling=inference.sampling), draw=Draw("ant")).sr
    smaller = enlarge(gaussian(), lr, read_scale(1.5), inference, draw=Draw("ant")).sr
    assert torch.equal(smaller, imresize(larger, size=(12, 12)))


# --- fits -------------------------------------------------------------------------------------------------------


class Watch:
    """Notes the files that are opened while it is on, by an audit hook, which cannot be taken away again."""

    def __init__(self):
        self.on, self.opened = False, []
        sys.addaudithook(self.note)

    def note(self, event, arguments):
        if self.on and event == "open":
            self.opened.append(str(arguments[0]))

    def folders(self, root):
        return [*dict.fromkeys(Path(name).parent.name for name in self.opened if str(root) in name)]


@pytest.fixture(scope="module")
def hook():
    return Watch()


@pytest.fixture
def watch(hook):
    hook.opened.clear()
    yield hook
    hook.on = False


@pytest.mark.parametrize("own_lr", [False, True])
def test_no_file_is_opened_while_a_network_is_fitted(pairs, watch, own_lr):
    class Watched(Regression):
        fits = 0

        def fit(self, lr, **given):
            self.fits, watch.on = self.fits + 1, True
            made = super().fit(lr, **given)
            watch.on = False
            return made

    module = Watched()
    run(regression(module), pairs(2, own_lr=own_lr), fitted(20))
    assert (module.fits, watch.opened) == (2, [])


def test_the_watch_sees_what_is_opened(watch, tmp_path):
    (tmp_path / "file").write_text("")
    watch.on = True
    (tmp_path / "file").read_text()
    assert watch.folders(tmp_path) == [tmp_path.name]


def test_hr_is_not_read_before_the_fit_where_lr_is_not_made_from_it(pairs, watch, tmp_path):
    made = pairs(2, own_lr=True)
    list(made)  # the copy of the dataset is verified once
    watch.on = True
    pair = next(iter(made))
    assert watch.folders(tmp_path) == ["X2"], "lr alone"
    assert pair.hr is not None
    assert watch.folders(tmp_path) == ["X2", "HR"]


def test_other_hr_with_the_same_lr_gives_the_same_sr_to_the_last_bit(pairs, tmp_path):
    def kept(name):
        found = run(
            regression(), pairs(2, own_lr=True, detail=name == "detailed"), fitted(), (MSE,), tmp_path / name, 2
        )
        files = [(tmp_path / name / image.sr_file).read_bytes() for image in found.images]
        return files, [image.scores["mse"] for image in found.images]

    plain, detailed = kept("plain"), kept("detailed")
    assert plain[0] == detailed[0]
    assert plain[1] != detailed[1], "hr is another one"


def test_a_fit_depends_on_seed_and_image(pairs):
    def scores(seed):
        return [image.scores["mse"] for image in run(regression(), pairs(2), fitted(seed=seed)).images]

    assert scores(0) == scores(0)
    assert scores(0)[0] != scores(1)[0]


def test_a_budget_of_time_ends_a_fit_and_is_counted(pairs):
    found = run(regression(), pairs(2), fitted(10**9, seconds=0.05), (MSE,))
    assert found.effort.shortened == 2
    assert 0 < found.effort.evaluations < 10**9
    assert run(regression(), pairs(2), fitted(5, seconds=60.0), (MSE,)).effort.shortened == 0


@pytest.mark.parametrize(("degradation", "shape"), [("bicubic", None), ("blur_down", (12, 12)), ("gaussian8", None)])
def test_a_fit_gets_the_kernel_where_there_is_one(pairs, degradation, shape):
    seen = []

    class Curious(Regression):
        def fit(self, lr, *, kernel, **given):
            seen.append(kernel)
            return super().fit(lr, kernel=None, **given)

    run(regression(Curious()), pairs(1, degradation=degradation), fitted(), (MSE,))
    assert (seen[0] if seen[0] is None else tuple(seen[0].shape)) == shape
    if shape:
        assert seen[0].sum().item() == pytest.approx(1)


def test_a_kernel_is_of_the_scale_of_the_cell_alone():
    seen = []

    class Curious(Regression):
        def fit(self, lr, *, kernel, **given):
            seen.append(kernel)
            return super().fit(lr, kernel=None, **given)

    lr, draw = torch.rand(1, 3, 8, 8), Draw(kernel=torch.ones(1, 1))
    how = Inference(fitting=FitBudget(steps=1))
    enlarge(regression(Curious()), lr, 2, how, draw=draw)
    enlarge(regression(Curious()), lr, read_scale(1.5), Inference(resize=2, fitting=how.fitting), draw=draw)
    assert (seen[0].tolist(), seen[1]) == ([[1.0]], None)


# --- costs ------------------------------------------------------------------------------------------------------


def test_the_costs_of_an_image_are_counted(pairs):
    sampling, fitting = sampled(3, "ancestral-5"), fitted(7)
    drawn, fit = run(gaussian(), pairs(2), sampling, (MSE,)), run(regression(), pairs(2), fitting, (MSE,))
    assert (drawn.effort.evaluations, len(drawn.effort.seconds), drawn.effort.largest) == (5, 6, (16, 16))
    assert (fit.effort.evaluations, len(fit.effort.seconds)) == (7, 2)
    module = Gaussian()
    costs = image_costs(gaussian(module), 2, sampling, drawn.effort, CPU, "others were busy")
    assert module.evaluations == 1, "memory is counted in one step"
    assert (costs.evaluations, costs.other_work, costs.shortened) == (5, "others were busy", 0)
    assert costs.threads == torch.get_num_threads()
    assert sorted(drawn.effort.seconds)[2] <= costs.seconds.value <= sorted(drawn.effort.seconds)[3]
    # at least sr, its noise and their sum at once; at most a handful of such tensors
    sr_mib = 3 * 32 * 32 * 4 / 2**20
    assert 3 * sr_mib <= costs.peak_memory_mib.value <= 8 * sr_mib
    assert image_costs(regression(), 2, fitting, fit.effort, CPU, "").peak_memory_mib.value > sr_mib


def test_memory_that_cannot_be_counted_has_a_reason(pairs):
    class Once(Gaussian):
        def sample(self, lr, sampler, steps, generator):
            if steps == 1:
                raise RuntimeError("not in one step")
            return super().sample(lr, sampler, steps, generator)

    found = run(gaussian(Once()), pairs(1), sampled(1), (MSE,))
    costs = image_costs(gaussian(Once()), 2, sampled(1), found.effort, CPU, "")
    assert costs.peak_memory_mib.reason == "RuntimeError: not in one step"
