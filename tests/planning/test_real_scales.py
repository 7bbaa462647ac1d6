"""At real scales, a network has the scale, or is measured at a larger one, or is refused by name."""

import pytest

from srbench.errors import ConfigError
from srbench.planning.plan import make_plan
from srbench.planning.suite import Grid, Suite
from srbench.scales import parse_scale

REAL, UNEVEN = parse_scale("2.3"), parse_scale("3.7x1.5")


def plan(catalog, **grid):
    default = {"architectures": ("bicubic",), "datasets": ("tiny_test",), "scales": (2.3,)}
    suite = Suite(name="s", grid=(Grid(**(default | grid)),), origin="s.toml")
    return make_plan(suite, catalog).cells


def test_bicubic_is_measured_at_every_scale(catalog):
    cells = plan(catalog, scales=(2, 2.3, "3.7x1.5", 5))
    assert [(cell.scale, cell.model.scales) for cell in cells] == [(s, (s,)) for s in (2, REAL, UNEVEN, 5)]
    assert {cell.inference.id() for cell in cells} == {"whole"}
    assert "x3.7x1.5" in cells[2].title


def test_a_network_without_the_scale_is_refused_by_name(catalog):
    with pytest.raises(ConfigError, match=r"s.toml, \[\[grid\]\] 1: dot has no scale 2.3; it has 2, 3. Name a network"):
        plan(catalog, architectures=("bicubic", "dot"))


def test_or_its_next_larger_scale_is_reduced_and_the_row_says_so(catalog):
    bicubic, dot = plan(catalog, architectures=("bicubic", "dot"), resize=True)
    assert (dot.scale, dot.network_scale, dot.model.scales) == (REAL, 3, (3,))
    assert dot.inference.id() == dot.row_id.inference == "whole,resize=3"
    assert (bicubic.network_scale, bicubic.inference.id()) == (REAL, "whole")
    (uneven,) = plan(catalog, architectures=("espcn",), scales=("3.7x1.5",), resize=True)
    assert uneven.network_scale == 4


def test_a_larger_scale_is_reduced_to_a_whole_one_that_a_network_lacks_too(catalog):
    (cell,) = plan(catalog, architectures=("espcn",), scales=(6,), resize=True)
    assert (cell.scale, cell.network_scale, cell.inference.id()) == (6, 8, "whole,resize=8")
    both = ("bicubic", "espcn")
    assert [cell.scale for cell in plan(catalog, architectures=both, scales=(2, 9), resize=True)] == [2, 9, 2]


def test_one_network_for_several_scales_is_trained_as_at_whole_ones(catalog):
    (cell,) = plan(catalog, architectures=("both",), scales=("1.5x1.2",), resize=True)
    assert (cell.network_scale, cell.model.scales) == (2, (2, 3))


def test_a_network_whose_scales_are_all_smaller_is_refused(catalog):
    with pytest.raises(ConfigError, match=r"dot has no scale from 3.5 up; it has 2, 3\."):
        plan(catalog, architectures=("dot",), scales=(3.5,), resize=True)


def test_degradations_that_keep_single_pixels_have_whole_scales(catalog):
    with pytest.raises(ConfigError, match=r"the degradation nearest has no scale 2.3; it has whole ones only\."):
        plan(catalog, degradations=("nearest",))


@pytest.mark.parametrize("how", [{"tile": 64}, {"chop": True}])
def test_tiles_need_whole_scales(catalog, how):
    with pytest.raises(ConfigError, match=r"tiles does not fit together at the scale 2\.3"):
        plan(catalog, **how)
    (cell,) = plan(catalog, architectures=("dot",), resize=True, **how)  # whose parts are enlarged by 3
    assert cell.inference.id().endswith(",resize=3")


def test_turns_need_one_factor(catalog):
    with pytest.raises(ConfigError, match=r"self_ensemble turns images, which the scale 3.7x1.5"):
        plan(catalog, scales=("3.7x1.5",), self_ensemble=True)
    assert plan(catalog, self_ensemble=True)[0].inference.id() == "whole,x8"
