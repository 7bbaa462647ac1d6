"""What distillers of recognition share: a setup's networks as recognisers, sizes of images, and Hinton's terms."""

from __future__ import annotations

import torch
from torch import Tensor

from srbench.distilling.distiller import Setup
from srbench.distilling.features import count_channels, match_taps
from srbench.distilling.recognition.logits import softened_divergence
from srbench.errors import TrainingError
from srbench.networks.recognition.recogniser import Recogniser
from srbench.recipe import RecognitionRecipe

TEMPERATURE = 4.0
"""What divides logits before the softmax, in the release of Pixel Distillation and in the baselines of others."""
TEACHER_SHARE = 0.9
"""Weight of the teacher in Hinton's loss; the labels have the rest."""


def recognisers(setup: Setup) -> tuple[Recogniser, Recogniser]:
    """Return the student and the first teacher of a setup.

    Raises:
        TrainingError: One of them does something else than recognise, or there is no teacher.
    """
    student, teacher = setup.student, setup.teacher
    if isinstance(student, Recogniser) and isinstance(teacher, Recogniser):
        return student, teacher
    other = teacher if isinstance(student, Recogniser) else student
    raise TrainingError(
        f"This distiller is for the task recognition, and {other.spec.name} is for the task {other.spec.task}; set "
        'task = "recognition" in the suite, and name recognisers.'
    )


def image_sizes(setup: Setup) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return height and width of the images that a student sees, and of HR.

    Raises:
        TrainingError: The recipe is for another task.
    """
    recipe = setup.recipe
    if not isinstance(recipe, RecognitionRecipe):
        raise TrainingError(
            f"The recipe {recipe.name} gives no size of images; name one of the task recognition, such as "
            "recognition_quick."
        )
    large = recipe.height, recipe.width
    return recipe.lr_size(max(setup.scales)) if recipe.view == "small" else large, large


def attention_pairs(setup: Setup) -> tuple[tuple[str, str], ...]:
    """Pair the attention maps of student and teacher by depth: channels with channels, places with places.

    Raises:
        TrainingError: A network declares no attention, or they have no kind of attention in common.
    """
    networks = recognisers(setup)
    kinds: list[tuple[list[str], list[str]]] = []
    for network in networks:
        paths = network.spec.attention
        if not paths:
            raise TrainingError(
                f"{network.spec.name} declares no attention maps, which this distiller compares; choose a network with "
                "attention, such as cbam_small."
            )
        widths = dict(zip(paths, count_channels(network, paths, setup), strict=True))
        kinds.append(([path for path in paths if widths[path] > 1], [path for path in paths if widths[path] == 1]))
    pairs = [match_taps(own, others) for own, others in zip(*kinds, strict=True)]
    if not any(pairs):
        student, teacher = (network.spec.name for network in networks)
        raise TrainingError(
            f"Of {student} and {teacher} one attends to channels and the other to places, so nothing can be compared; "
            "choose networks with the same kind of attention."
        )
    return tuple(pair for kind in pairs for pair in kind)


@torch.no_grad()
def logits_of(recogniser: Recogniser, images: Tensor) -> Tensor:
    """Return the logits (N, K) that a teacher gives images in [0, 1], without gradients."""
    return recogniser.logits(recogniser(images))


def student_logits(setup: Setup, embeddings: Tensor, teacher_logits: Tensor, labels: Tensor) -> Tensor:
    """Return the student's logits (N, K) without a margin, as they can be compared with the teacher's.

    Raises:
        TrainingError: The teacher knows another number of classes, or images have several classes.
    """
    if labels.dim() != 1:
        raise TrainingError(
            "This distiller compares the probabilities of classes that exclude each other, and these images may have "
            "several classes; choose one that compares features, such as fitnet."
        )
    logits = recognisers(setup)[0].logits(embeddings)
    if logits.shape != teacher_logits.shape:
        raise TrainingError(
            f"The student knows {logits.shape[1]} classes and the teacher {teacher_logits.shape[1]}; train both on the "
            "same classes."
        )
    return logits


def hinton_terms(
    setup: Setup,
    embeddings: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    *,
    temperature: float = TEMPERATURE,
    share: float = TEACHER_SHARE,
) -> dict[str, Tensor]:
    """Compute the recipe's terms and ``divergence``, the distance to the teacher's probabilities.

    With a linear head and cross-entropy of weight 1, they add up to `hinton_loss`. A head with a margin keeps it in the
    recipe's terms, and compares logits without it.

    Args:
        setup: The setup of the distiller.
        embeddings: The student's, (N, D).
        labels: (N,), the classes.
        teacher_logits: (N, K).
        temperature: See `softened_divergence`.
        share: Weight of the teacher; the recipe's terms are multiplied by the rest.
    """
    logits = student_logits(setup, embeddings, teacher_logits, labels)
    supervised = {name: (1 - share) * term for name, term in setup.supervised(embeddings, labels).items()}
    return {**supervised, "divergence": share * softened_divergence(logits, teacher_logits, temperature)}
