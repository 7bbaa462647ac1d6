"""A selection of a suite's cells: those that it names, and an answer where the suite has none."""

import pytest

from srbench.errors import UnknownNameError, UsageError
from srbench.planning.overrides import Selection
from srbench.planning.plan import make_plan
from srbench.planning.suite import Grid, Suite

SUITE = Suite(
    name="s",
    grid=(
        Grid(
            architectures=("bicubic", "dot", "wide"),
            datasets=("tiny_test", "set5"),
            scales=(2, 3),
            degradations=("bicubic", "blur_down"),
            distillers=("none", "logits"),
            teacher="wide",
        ),
    ),
    origin="s.toml",
)


@pytest.mark.parametrize(
    ("selection", "kept"),
    [
        ({"only": ("dot",)}, lambda c: c.model.architecture == "dot"),
        ({"only": ("dot", "bicubic")}, lambda c: c.model.architecture in ("dot", "bicubic")),
        ({"only": ("logits",)}, lambda c: c.model.distiller == "logits"),
        ({"scales": (3,)}, lambda c: c.scale == 3),
        ({"datasets": ("set5",)}, lambda c: c.dataset == "set5"),
        ({"degradations": ("blur_down",)}, lambda c: c.degradation == "blur_down"),
        ({"only": ("dot",), "scales": (2,)}, lambda c: c.model.architecture == "dot" and c.scale == 2),
    ],
)
def test_a_selection_keeps_the_cells_it_names(catalog, selection, kept):
    every = make_plan(SUITE, catalog).cells
    picked = make_plan(SUITE, catalog, Selection(**selection)).cells
    assert list(picked) == [cell for cell in every if kept(cell)]
    assert 0 < len(picked) < len(every)


@pytest.mark.parametrize(
    ("selection", "error", "sentence"),
    [
        ({"only": ("dott",)}, UnknownNameError, "'dott'. Did you mean dot?"),
        ({"only": ("espcn",)}, UsageError, "Suite s has no 'espcn'; it has bicubic, dot, logits, none, wide."),
        ({"scales": (7,)}, UsageError, "Suite s has no scale 7; it has 2, 3."),
        ({"datasets": ("set14",)}, UnknownNameError, "Did you mean set5?"),
        ({"degradations": ("blur",)}, UnknownNameError, "Did you mean blur_down?"),
    ],
)
def test_a_selection_of_what_the_suite_lacks_is_answered(catalog, selection, error, sentence):
    with pytest.raises(error) as answer:
        make_plan(SUITE, catalog, Selection(**selection))
    assert sentence in str(answer.value)


def test_a_selection_that_leaves_nothing_repeats_itself(catalog):
    grids = (
        Grid(architectures=("dot",), datasets=("tiny_test",), scales=(2,)),
        Grid(architectures=("wide",), datasets=("tiny_test",), scales=(3,)),
    )
    two = Suite(name="s", grid=grids, origin="s.toml")
    with pytest.raises(UsageError, match=r"Suite s has no cell that matches --only dot and --scale 3 together; drop"):
        make_plan(two, catalog, Selection(only=("dot",), scales=(3,)))
