"""Features of two networks are paired, brought to one shape and compared in bounded memory."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from srbench.distilling.distiller import Setup
from srbench.distilling.features import FeaturePairs, as_map, match_taps, to_smaller
from srbench.errors import TrainingError
from srbench.networks.network import Network, build_network
from srbench.networks.spec import ArchitectureSpec
from srbench.recipe import Recipe


class Column(nn.Module):
    """Blocks of one width in sequence; batch norm and dropout would show a forward pass in training mode."""

    def __init__(self, scale, *, width=4, depth=3, stride=1, colours=3):
        super().__init__()
        self.head = nn.Conv2d(colours, width, 3, stride=stride, padding=1)
        self.body = nn.Sequential(
            *(nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width)) for _ in range(depth))
        )
        self.spare = nn.Conv2d(width, width, 1)
        self.tail = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(width, colours * (scale * stride) ** 2, 1), nn.PixelShuffle(scale * stride)
        )

    def forward(self, lr):
        return self.tail(self.body(self.head(lr)))


class ManyScales(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 1)
        self.tails = nn.ModuleDict(
            {str(s): nn.Sequential(nn.Conv2d(4, 3 * s * s, 1), nn.PixelShuffle(s)) for s in (2, 3)}
        )

    def forward(self, lr, scale):
        return self.tails[str(scale)](self.body(lr))


def column(taps=("body.0", "body.1", "body.2"), *, facts=None, **options):
    build = partial(Column, **options)
    return ArchitectureSpec(name="column", build=build, scales=frozenset({2, 3}), taps=taps, **(facts or {}))


MANY = ArchitectureSpec(name="many", build=ManyScales, scales=frozenset({2, 3}), multi_scale=True, taps=("body",))


def setup(student, *teachers, scales=(2,)):
    torch.manual_seed(0)
    return Setup(
        student=build_network(student, scales[0]),
        teachers=tuple(Network(t, t.network(scales[0]).eval().requires_grad_(False)) for t in teachers),
        scales=scales,
        recipe=Recipe(name="r", datasets=("d",), steps=1),
        losses={},
        device=torch.device("cpu"),
        build=lambda name: build_network(student, 2),
    )


LR = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def matched(features):
    _, learnt = features.of_student(LR, 2)
    _, known = features.of_teacher(LR, 2)
    return features.matched(learnt, known)


@given(st.integers(1, 12), st.integers(1, 12))
def test_taps_are_paired_in_order_by_depth_and_the_last_with_the_last(one, other):
    pairs = match_taps(list(range(one)), list(range(other)))
    assert len(pairs) == min(one, other)
    assert pairs[-1] == (one - 1, other - 1)
    for side in zip(*pairs, strict=True):
        assert list(side) == sorted(set(side))
    for mine, theirs in pairs:
        assert abs((mine + 1) / one - (theirs + 1) / other) <= 0.5 / max(one, other) + 1e-9


def test_equal_networks_need_no_adapter():
    features = FeaturePairs(setup(column(), column()))
    assert features.pairs == (("body.0", "body.0"), ("body.1", "body.1"), ("body.2", "body.2"))
    assert list(features.parameters()) == []


def test_it_knows_the_channels_of_each_pair():
    pairs = FeaturePairs(setup(column(taps=("head", "tail")), column(width=6, taps=("body.0", "tail"))))
    assert pairs.widths == ((4, 6), (3, 3))


def test_widths_depths_and_sizes_may_differ():
    deep = column(("body.1", "body.2", "body.3", "body.5"), width=6, depth=6, stride=2)
    features = FeaturePairs(setup(column(("body.0", "body.2")), deep))
    assert features.pairs == (("body.0", "body.2"), ("body.2", "body.5"))
    assert [tuple(adapter.weight.shape) for adapter in features.adapters] == [(6, 4, 1, 1)] * 2
    for mine, theirs in matched(features):
        assert mine.shape == theirs.shape == (2, 6, 4, 4)
        assert mine.requires_grad
        assert not theirs.requires_grad


def test_relations_between_pixels_need_no_equal_widths():
    features = FeaturePairs(setup(column(), column(width=6)), adapt=False)
    assert list(features.parameters()) == []
    assert [(mine.shape[1], theirs.shape[1]) for mine, theirs in matched(features)] == [(4, 6)] * 3


def test_pairs_may_be_chosen_and_may_name_what_a_module_takes():
    given_setup = setup(column(), column())
    features = FeaturePairs(given_setup, (("body", "tail:input"), ("body", "head")))
    _, (first, second) = features.of_student(LR, 2)
    assert torch.equal(first, second)
    known = features.of_teacher(LR, 2)[1]
    body = given_setup.teacher.module
    assert torch.equal(known[0], body.body(body.head(LR)))


def test_every_scale_is_tried_and_a_multi_scale_student_may_have_a_multi_scale_teacher():
    features = FeaturePairs(setup(MANY, MANY, scales=(2, 3)))
    for scale in (2, 3):
        sr, (body,) = features.of_student(LR, scale)
        assert (sr.shape[-1], body.shape) == (8 * scale, (2, 4, 8, 8))


def test_features_are_in_units_of_images_for_any_input_range():
    wide_range = setup(column(facts={"input_range": 255.0}), column())
    wide_range.student.module.load_state_dict(wide_range.teacher.module.state_dict())
    with torch.no_grad():
        for block in (wide_range.student.module, wide_range.teacher.module):
            block.eval().head.bias.zero_()
    features = FeaturePairs(wide_range, (("head", "head"),))
    ((mine, theirs),) = matched(features)
    torch.testing.assert_close(mine, theirs)


def test_features_may_be_those_of_other_weights():
    given = setup(column(), column(width=6))
    pairs = FeaturePairs(given)
    lr = torch.rand(1, 3, 8, 8)
    given.student.module.eval()
    weights = {name: (2 * w.detach()).requires_grad_() for name, w in given.student.module.named_parameters()}
    sr, features = pairs.of_student(lr, 2, weights)
    torch.cat([each.flatten() for each in features]).sum().backward()
    assert weights["body.2.0.weight"].grad.any()
    assert all(p.grad is None for p in given.student.module.parameters())
    given.student.module.load_state_dict(weights, strict=False)
    wanted_sr, wanted = pairs.of_student(lr, 2)
    assert torch.equal(sr, wanted_sr)
    assert all(torch.equal(mine, own) for mine, own in zip(features, wanted, strict=True))


def test_trying_the_networks_leaves_no_trace():
    given_setup = setup(column(), column())
    given_setup.student.module.train()
    given_setup.student.module.body[1].eval()
    before = {name: value.clone() for name, value in given_setup.student.module.state_dict().items()}
    FeaturePairs(given_setup)
    after = given_setup.student.module.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert [block.training for block in given_setup.student.module.body] == [True, False, True]
    assert not any(p.grad is not None for p in given_setup.student.module.parameters())


@pytest.mark.parametrize(
    ("student", "pairs", "message"),
    [
        (column(()), None, r"column declares no taps.*add taps="),
        (column(("body.9",)), None, r"Column has no module at 'body.9' to tap; its modules start with: body, body.0"),
        (column(), (("body.0", "trunk"),), r"Column has no module at 'trunk' to tap"),
        (column(), (("spare", "body.0"),), r"column does not use its module 'spare' at x2"),
        (MANY, (("tails.2", "body.0"),), r"many does not use its module 'tails.2' at x3"),
        (column(facts={"channels": "y"}, colours=1), None, r"column works on luma and the teacher column on RGB"),
    ],
)
def test_taps_that_cannot_be_compared_are_named_with_what_to_do(student, pairs, message):
    scales = (2, 3) if student is MANY else (2,)
    with pytest.raises(TrainingError, match=message):
        FeaturePairs(setup(student, MANY if student is MANY else column(), scales=scales), pairs)


def test_channels_that_change_with_the_scale_are_refused():
    class Uneven(ManyScales):
        def __init__(self):
            super().__init__()
            self.mix = nn.Identity()

        def forward(self, lr, scale):
            body = self.body(lr)
            self.mix(body[:, :scale])
            return self.tails[str(scale)](body)

    uneven = ArchitectureSpec(name="uneven", build=Uneven, scales=frozenset({2, 3}), multi_scale=True, taps=("mix",))
    with pytest.raises(TrainingError, match=r"Tap 'mix' of uneven has \[2, 3\] channels at the scales \[2, 3\]"):
        FeaturePairs(setup(uneven, uneven, scales=(2, 3)))


def test_a_method_without_a_teacher_says_what_to_add():
    with pytest.raises(TrainingError, match="needs a teacher"):
        FeaturePairs(setup(column()))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3))
def test_tokens_and_vectors_become_maps(height, width, channels):
    features = torch.rand(2, channels, height, width)
    assert torch.equal(as_map(features.flatten(2).mT, height / width), features)
    assert as_map(features[..., 0, 0]).shape == (2, channels, 1, 1)


@pytest.mark.parametrize("shape", [(2,), (2, 7, 3), (1, 2, 3, 4, 5)])
def test_what_is_not_a_map_is_refused(shape):
    with pytest.raises(TrainingError, match="tap another module"):
        as_map(torch.rand(shape))


def test_the_larger_map_is_averaged():
    large = torch.arange(16.0).view(1, 1, 4, 4)
    small, same = to_smaller(large, torch.zeros(1, 3, 2, 4))
    assert small.flatten().tolist() == [2, 3, 4, 5, 10, 11, 12, 13]
    assert same.shape == (1, 3, 2, 4)
