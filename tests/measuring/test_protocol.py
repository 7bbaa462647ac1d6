"""A number without its protocol does not exist: the id says all that decides it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.errors import UnknownNameError, UsageError
from srbench.measuring.metrics.spec import MetricSpec
from srbench.measuring.protocol import PROTOCOLS, Inference, protocol_named, score_id

PSNR = MetricSpec(name="psnr_y", label="", channels="y", load=lambda device: None)


@pytest.mark.parametrize(
    ("name", "border"),
    [("classic-y", {2: 2, 4: 4}), ("rgb", {2: 2, 4: 4}), ("div2k-rgb", {2: 8, 3: 9}), ("ntire-esr", {2: 4, 4: 4})],
)
def test_each_preset_shaves_what_its_source_does(name, border):
    assert {scale: protocol_named(name).shave(scale) for scale in border} == border


def test_an_unknown_preset_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"No protocol named 'clasic-y'. Did you mean classic-y"):
        protocol_named("clasic-y")


def test_the_id_reads_as_documented():
    assert score_id(PSNR, PROTOCOLS["classic-y"], 2, "bicubic-u8", Inference()) == (
        "psnr_y@classic-y:sr=u8,y=bt601,shave=2,lr=bicubic-u8,whole"
    )


def test_the_id_says_that_luma_comes_first():
    assert PROTOCOLS["luma-first"].describe(2) == "luma-first:sr=none,y=bt601-u8-first,shave=2,grey=kept"


def test_a_metric_that_is_not_shaved_says_so_and_a_new_version_too():
    lpips = MetricSpec(name="lpips", label="", load=lambda device: None, shaved=False, version="2")
    assert score_id(lpips, PROTOCOLS["div2k-rgb"], 4, "x", Inference(self_ensemble=True), 3) == (
        "lpips.v2@div2k-rgb:sr=u8,y=bt601,shave=0,lr=x,whole,x8,first=3"
    )


inferences = st.builds(
    Inference,
    tile=st.sampled_from([0, 64, 96]),
    overlap=st.sampled_from([8, 16]),
    self_ensemble=st.booleans(),
    precision=st.sampled_from(["fp32", "bf16", "fp16"]),
) | st.builds(Inference, chop=st.just(True), self_ensemble=st.booleans())


@given(inferences, inferences, st.none() | st.integers(1, 3), st.none() | st.integers(1, 3))
def test_two_ways_of_measuring_share_an_id_only_if_they_are_one(one, other, limit, other_limit):
    def meaning(how):
        return how.tile, how.overlap if how.tile else None, how.self_ensemble, how.chop, how.precision

    same = meaning(one) == meaning(other) and limit == other_limit
    assert (one.id(limit) == other.id(other_limit)) is same


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_preset_has_an_id_of_its_own(scale):
    assert len({score_id(PSNR, p, scale, "x", Inference()) for p in PROTOCOLS.values()}) == len(PROTOCOLS)


@pytest.mark.parametrize("facts", [{"tile": -1}, {"tile": 32}, {"tile": 64, "overlap": -1}, {"tile": 64, "chop": True}])
def test_tiles_that_leave_nothing_or_exclude_each_other_are_refused(facts):
    with pytest.raises(UsageError, match=r"is too small|exclude each other"):
        Inference(**facts)


def test_provided_lr_is_measured_on_only_where_it_is_what_the_protocol_means():
    assert PROTOCOLS["classic-y"].takes_provided_lr("bicubic")
    assert not PROTOCOLS["classic-y"].takes_provided_lr("blur_down")
    assert not PROTOCOLS["luma-first"].takes_provided_lr("bicubic")
    assert not PROTOCOLS["published-bicubic"].takes_provided_lr("bicubic")
