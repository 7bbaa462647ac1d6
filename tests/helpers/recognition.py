"""Small labelled images, recognisers and trainings on which distillers of recognition are tried."""

import numpy as np
import torch
from PIL import Image
from torch import Generator, nn
from torch.nn import functional as F

from srbench.degrading.spec import DegradationSpec
from srbench.distilling.distiller import Batch, Setup, sum_of
from srbench.imaging.resize import imresize
from srbench.networks.recognition.heads import Head
from srbench.networks.recognition.recogniser import BackboneWithHead, Recogniser, build_recogniser
from srbench.networks.recognition.spec import RecogniserSpec
from srbench.recipe import RecognitionRecipe
from srbench.tasks.recognition.sized import SizedImages
from srbench.tasks.recognition.source import TwoViews
from srbench.testing.tiny_tasks import recogniser_of
from srbench.training.loop import train
from srbench.training.progress import Oversight

SIDE, CLASSES = 16, 3
STUDENT, TEACHER = recogniser_of(8), recogniser_of(12)
RECIPE = RecognitionRecipe(
    name="toy", datasets=("toy",), height=SIDE, width=SIDE, batch=6, steps=30, learning_rate=3e-3, checkpoint_every=5,
    ema=0.9, clip=0.5, augment="flip",
)  # fmt: skip
BICUBIC = DegradationSpec(name="bicubic", apply=lambda hr, scale, _: imresize(hr, scale=1 / scale), stochastic=False)


def pattern(label, number):
    """Make an image (16, 16, 3) of uint8: bright at the top, at the left or in the middle, and noise."""
    draw = np.random.default_rng(number)
    image = draw.integers(0, 80, (SIDE, SIDE, 3))
    rows, columns = [(slice(8), slice(16)), (slice(16), slice(8)), (slice(4, 12), slice(4, 12))][label]
    image[rows, columns] += 150
    return np.uint8(image)


def images(count=12):
    """Yield images with their labels."""
    return [(pattern(number % CLASSES, number), number % CLASSES) for number in range(count)]


def setup(student=STUDENT, teacher=TEACHER, *, scale=2, recipe=RECIPE):
    """Make the setup of a distiller, with the same weights every time."""
    torch.manual_seed(0)
    taught = [] if teacher is None else [build_recogniser(teacher, CLASSES)]
    for network in taught:
        network.module.eval().requires_grad_(False)
    return Setup(
        student=build_recogniser(student, CLASSES, recipe.head),
        teachers=tuple(taught),
        scales=(scale,),
        recipe=recipe,
        losses={"cross_entropy": F.cross_entropy},
        device=torch.device("cpu"),
        build=lambda name: build_recogniser(student, CLASSES),
    )


def batch(scale=2, count=6, step=0, labels=None):
    """Make a batch of the images."""
    own = images(count)
    hr = torch.stack([torch.from_numpy(image).permute(2, 0, 1).float() / 255 for image, _ in own])
    given = torch.tensor([label for _, label in own]) if labels is None else labels
    return Batch(F.avg_pool2d(hr, scale), hr, scale, step, 30, Generator().manual_seed(step), labels=given)


def trained(distiller, folder, *, stop=lambda: False):
    """Train by the framework, which asserts gradients and frozen teachers.

    Returns:
        The report and the student's weights.
    """
    given = distiller.setup
    (folder / "images").mkdir(parents=True, exist_ok=True)
    paths, labels = {}, []
    for number, (image, label) in enumerate(images()):
        paths[str(number)] = folder / "images" / f"{number}.png"
        if not paths[str(number)].is_file():
            Image.fromarray(image).save(paths[str(number)])
        labels.append(label)
    sized = SizedImages(folder / "cache", paths, (SIDE, SIDE))

    def data(index, phase, length):
        return TwoViews(
            sized, torch.tensor(labels), None, recipe=given.recipe, degradation=BICUBIC, scale=given.scales[0],
            batch=given.recipe.batch, seed=1, phase=index,
        )  # fmt: skip

    report = train(distiller, data, seed=1, checkpoints=folder / "checkpoints", oversight=Oversight(stop=stop))
    return report, {name: w.detach().clone() for name, w in given.student.module.state_dict().items()}


def assert_training_lowers_the_loss(distiller, folder):
    """Train for the recipe's steps.

    Returns:
        The report.
    """
    before = sum_of(distiller.losses(batch())).item()
    report, _ = trained(distiller, folder)
    after = sum_of(distiller.losses(batch())).item()
    assert after < 0.95 * before, (before, after)
    return report


class Fixed(nn.Module):
    """A module that returns the first rows of one tensor."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, images):
        return self.value[: len(images)]


class Scripted(nn.Module):
    """A backbone whose maps and embeddings are given."""

    def __init__(self, embeddings, maps):
        super().__init__()
        self.maps = nn.ModuleList(Fixed(each) for each in maps)
        self.embeddings = embeddings

    def forward(self, images):
        for each in self.maps:
            each(images)
        return self.embeddings[: len(images)]


class PassOn(Head):
    """A head whose logits are the embeddings."""

    def forward(self, embeddings):
        return embeddings


def scripted_setup(student, teacher, *, student_maps=(), teacher_maps=(), scale=4, side=56):
    """Make a setup of networks that give the embeddings, which are their logits too, and maps of an oracle."""

    def recogniser(embeddings, maps):
        paths = tuple(f"maps.{number}" for number in range(len(maps)))
        spec = RecogniserSpec(
            name="scripted", build=nn.Module, taps=paths, attention=paths, stem=paths[0] if paths else ""
        )
        return Recogniser(spec, BackboneWithHead(Scripted(embeddings, maps), PassOn()))

    return Setup(
        student=recogniser(student, student_maps),
        teachers=(recogniser(teacher, teacher_maps),),
        scales=(scale,),
        recipe=RECIPE.model_copy(update={"height": side, "width": side}),
        losses={"cross_entropy": F.cross_entropy},
        device=torch.device("cpu"),
        build=lambda name: None,
    )


def scripted_batch(labels, *, hr=None, step=0, steps=30):
    """Make a batch for networks that ignore their images."""
    hr = torch.zeros(len(labels), 3, 8, 8) if hr is None else hr
    return Batch(hr[..., ::4, ::4], hr, 4, step, steps, Generator(), labels=labels)
