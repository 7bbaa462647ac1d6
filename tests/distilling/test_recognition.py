"""The losses of recognition are the official ones, in value and gradient, and what their words say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

import helpers
from srbench.distilling.recognition.logits import decoupled_divergence, hinton_loss, softened_divergence
from srbench.distilling.recognition.maps import ImageDecoder, cosine_distance, energy_distance, enlarged_distance
from srbench.distilling.recognition.relations import (
    batch_similarity_distance,
    channel_correlation_distance,
    channel_embedding,
    cross_sample_distance,
    relational_distance,
)
from srbench.errors import ShapeError

ORACLES = helpers.ORACLES / "losses"


def arrays_of(file):
    with np.load(file) as arrays:
        return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays.files}


def oracle(name):
    return arrays_of(ORACLES / f"{name}.npz")


def assert_equal_to(found, wanted):
    torch.testing.assert_close(found.detach(), wanted, rtol=1e-6, atol=1e-6 * wanted.abs().max().item())


def assert_official(loss, arrays, **of):
    """The value, and the gradient of each tensor under the key that names it."""
    assert_equal_to(loss, arrays["loss"].reshape(()))
    for key, found in zip(of, torch.autograd.grad(loss, list(of.values())) if of else (), strict=True):
        assert_equal_to(found, arrays[key])


@pytest.mark.parametrize("name", ["kd_hinton", "pixd_kd"])
def test_a_teacher_beside_labels_is_the_releases(name):
    arrays = oracle(name)
    student = arrays["logits_s"].requires_grad_()
    assert_official(hinton_loss(student, arrays["logits_t"], arrays["labels"]), arrays, grad_s=student)


def test_decoupled_divergences_are_the_releases_in_its_eleventh_epoch_of_twenty():
    arrays = oracle("pixd_dkd")
    found = decoupled_divergence(arrays["logits_s"], arrays["logits_t"], arrays["labels"])
    assert_equal_to(found, arrays["loss_no_warmup"])
    assert_official(11 / 20 * found, arrays)


def test_relations_of_embeddings_are_the_releases():
    arrays = oracle("rkd")
    student = arrays["s"].requires_grad_()
    assert_official(relational_distance(student, arrays["t"]), arrays, grad_s=student)


@pytest.mark.parametrize(
    ("name", "distance"),
    [("pixd_sp", batch_similarity_distance), ("pixd_icfup", enlarged_distance), ("fskd_at", energy_distance)],
)
def test_a_distance_of_features_is_the_releases(name, distance):
    arrays = oracle(name)
    assert_official(distance(arrays["s"], arrays["t"]), arrays)


def test_correlations_of_channels_are_the_releases():
    arrays = oracle("pixd_ickd")
    embed = channel_embedding(6, 9).double()
    embed[0].weight.data = arrays["embed_w"]
    assert_official(channel_correlation_distance(embed(arrays["s"]), arrays["t"]), arrays)


def test_the_likeness_of_feature_maps_is_the_releases():
    arrays = oracle("fskd_cosine")
    assert_official(cosine_distance([(arrays["s"], arrays["t"])]), arrays)


def test_the_likeness_of_attention_is_the_releases():
    arrays = oracle("askd_distill")
    maps = {f"grad_lr{i}": arrays[f"lr{i}"].requires_grad_() for i in range(6)}
    distance = cosine_distance([(mine, arrays[f"hr{i}"]) for i, mine in enumerate(maps.values())])
    assert_equal_to(distance, arrays["loss_unweighted_sum"])
    assert_official(5 * distance, arrays, **maps)


def test_relations_across_samples_are_the_releases():
    arrays = oracle("fskd_cross_sample")
    student = arrays["s"].requires_grad_()
    distance = cross_sample_distance(student, arrays["s_pos"], arrays["t"], arrays["t_pos"])
    assert_official(distance, arrays, grad_s=student)


@pytest.mark.parametrize("name", ["a", "b"])
def test_the_image_rebuilt_from_features_is_the_releases(name, shared):
    arrays = arrays_of(shared(f"oracles/losses/pixd_isrd_{name}.npz"))
    features = arrays["feat"].requires_grad_()
    decoder = ImageDecoder(16, -(-56 // features.shape[-1])).double()
    decoder.expand.weight.data, decoder.activate.weight.data = arrays["conv_w"], arrays["prelu"]
    assert_equal_to(decoder(features, 56, 56), arrays["out"])
    assert_official(decoder.distance(features, arrays["hr"]), arrays, grad_feat=features)


def rand(*shape, seed=0):
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_each_pixel_of_a_feature_becomes_a_square_and_the_rest_is_cut_off():
    decoder = ImageDecoder(2, 3, colours=1).double()
    with torch.no_grad():
        decoder.expand.weight.copy_(torch.eye(2, dtype=torch.float64)[torch.zeros(9, dtype=int)].view(9, 2, 1, 1))
    features = rand(1, 2, 2, 3)
    squares = features[:, :1].repeat_interleave(3, 2).repeat_interleave(3, 3)
    assert torch.equal(decoder(features, 5, 8), squares[..., :5, :8])
    assert all(p.grad is None for p in decoder.parameters())
    decoder.distance(features, rand(1, 1, 5, 8)).backward()
    assert decoder.expand.weight.grad.any()


DISTANCES = {
    "divergence": softened_divergence,
    "relations": relational_distance,
    "similarity": batch_similarity_distance,
    "decoupled": lambda s, t: decoupled_divergence(s, t, torch.tensor([0, 2, 1, 1])),
    "correlations": lambda s, t: channel_correlation_distance(s.view(4, 2, 2, 2), t.view(4, 2, 2, 2)),
    "cosines": lambda s, t: cosine_distance([(s, t)]),
    "energy": lambda s, t: energy_distance(s.view(4, 2, 2, 2), t.view(4, 2, 2, 2)),
    "enlarged": lambda s, t: enlarged_distance(s.view(4, 2, 2, 2), t.view(4, 2, 2, 2)),
}


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(DISTANCES)), st.integers(0, 99))
def test_a_distance_is_0_to_itself_and_positive_to_another(name, seed):
    student, teacher = rand(4, 8, seed=seed), rand(4, 8, seed=seed + 100)
    assert DISTANCES[name](teacher, teacher).item() == pytest.approx(0, abs=1e-12)
    assert DISTANCES[name](student, teacher) > 1e-6


@pytest.mark.parametrize("name", DISTANCES)
def test_the_gradient_is_that_of_small_differences(name):
    teacher = rand(4, 8, seed=1)
    assert torch.autograd.gradcheck(lambda student: DISTANCES[name](student, teacher), rand(4, 8).requires_grad_())


@settings(max_examples=15, deadline=None)
@given(st.floats(0.1, 10), st.floats(0, 3), st.integers(0, 99))
def test_relations_do_not_depend_on_unit_place_or_direction(factor, turn, seed):
    student, teacher = rand(5, 2, seed=seed), rand(5, 7, seed=seed + 100)
    wanted = relational_distance(student, teacher)
    turn = torch.tensor(turn, dtype=torch.float64)
    rotation = torch.stack((turn.cos(), -turn.sin(), turn.sin(), turn.cos())).view(2, 2)
    torch.testing.assert_close(relational_distance(factor * student @ rotation + 3, teacher), wanted)


def test_only_the_divergence_among_the_others_sees_how_they_share():
    labels = torch.tensor([1, 0, 3])
    teacher = rand(3, 4)
    swapped = teacher.clone()
    for row, (one, other) in enumerate([(0, 2), (1, 3), (0, 1)]):
        swapped[row, [one, other]] = teacher[row, [other, one]]
    assert decoupled_divergence(swapped, teacher, labels, others=0).item() == pytest.approx(0, abs=1e-12)
    assert decoupled_divergence(swapped, teacher, labels, target=0) > 1e-6


def test_a_student_that_is_its_teacher_is_nearest_across_samples():
    teacher, other, student = rand(3, 4, 2, 2), rand(3, 4, 2, 2, seed=1), rand(3, 4, 2, 2, seed=2)
    assert cross_sample_distance(teacher, other, teacher, other).item() == pytest.approx(0, abs=1e-12)
    assert cross_sample_distance(student, other, teacher, other) > 1e-3


def test_what_cannot_be_compared_is_refused_in_a_sentence():
    with pytest.raises(ShapeError, match="have 2 channels and the teacher's 3"):
        channel_correlation_distance(rand(1, 2, 3, 3), rand(1, 3, 3, 3))
    with pytest.raises(ShapeError, match=r"\(2, 3\) times 2 give no image of \(5, 6\)"):
        ImageDecoder(2, 2).double()(rand(1, 2, 2, 3), 5, 6)


def test_an_enlarged_feature_meets_the_corners_of_the_large_one():
    small = rand(1, 1, 2, 2)
    large = F.interpolate(small, (5, 5), mode="bilinear", align_corners=True)
    assert enlarged_distance(small, large) == 0
    assert large[0, 0, 0, 0] == small[0, 0, 0, 0]
    assert large[0, 0, 4, 4] == small[0, 0, 1, 1]
