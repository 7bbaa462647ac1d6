"""A chain in a TOML file is what the file says, and a fault is reported with its place and its reason."""

import re

import pytest
import torch

from helpers import ROOT
from srbench.catalog.catalog import load_catalog
from srbench.degrading import Chain, InTurn, OneOf, Random, Shuffled, Size, Sometimes
from srbench.errors import ConfigError, UnknownNameError
from srbench.testing import violations_of

WHOLE = """
label = "two passes"
version = "3"
scales = [2, 4]
realisations = 5

[[steps]]
step = "gaussian_blur"
sigma_px = [0.2, 3.0]
probability = 0.8

[[steps]]
shuffle = [
  { step = "gaussian_noise", level = [1, 10] },
  { chain = [{ step = "jpeg", quality = 60 }, { step = "quantise" }] },
]

[[steps]]
one_of = [
  { step = "bicubic_down", weight = 3 },
  { in_turn = [{ step = "area_down" }, { step = "subsample", phase = "centre" }] },
]
per = "batch"

[[steps]]
chain = [{ step = "poisson_noise" }]
probability = 0.5
per = "batch"
"""


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


def test_a_step_that_is_rarely_done_makes_a_chain_random_all_the_same(catalog, written):
    rare = written('[[steps]]\nstep = "gaussian_noise"\nprobability = 0.002\n[[steps]]\nstep = "bicubic_down"\n')
    assert catalog.degradations[rare].stochastic
    never = written(
        '[[steps]]\nstep = "gaussian_noise"\nprobability = 0.0\n[[steps]]\nstep = "bicubic_down"\n', "n.toml"
    )
    assert not catalog.degradations[never].stochastic


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.toml"):
        (tmp_path / name).write_text(text)
        return f"chain:{name}"

    return write


def test_a_file_becomes_the_chain_it_describes(catalog, written):
    spec = catalog.degradations[written(WHOLE)]
    assert (spec.name, spec.label, spec.version, spec.realisations) == ("chain:mine.toml", "two passes", "3", 5)
    assert spec.scales == {2, 4}
    assert spec.stochastic
    first, second, third, fourth = spec.chain.steps
    assert isinstance(first, Sometimes)
    assert first.probability == 0.8
    assert first.steps[0].sigma_px == (0.2, 3.0)
    assert isinstance(second, Shuffled)
    assert isinstance(second.steps[1], Chain)
    assert second.steps[1].steps[0].quality == 60
    assert isinstance(third, OneOf)
    assert (third.weights, third.per) == ((3, 1.0), "batch")
    assert isinstance(third.steps[1], InTurn)
    assert (fourth.probability, fourth.per) == (0.5, "batch")


def test_a_chain_from_a_file_keeps_the_contract(catalog, written):
    assert violations_of(catalog.degradations[written(WHOLE)]) == []


def test_named_degradations_nest_and_others_become_steps(catalog, written):
    written('[[steps]]\ndegradation = "bicubic"\n', "inner.toml")
    outer = '[[steps]]\nstep = "gaussian_noise"\n[[steps]]\ndegradation = "chain:inner.toml"\n'
    spec = catalog.degradations[written(outer)]
    assert not catalog.degradations["chain:inner.toml"].stochastic
    assert spec.stochastic
    hr = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    inner = catalog.degradations["chain:inner.toml"].apply(hr, 2, torch.Generator())
    assert torch.equal(inner, catalog.degradations["bicubic"].apply(hr, 2, torch.Generator()))
    drawn = spec.chain.draw(Random(0), Size(24, 24, 2))
    assert drawn["steps"][1]["drawn"]["steps"][0]["step"] == "Degraded"


def test_a_changed_file_is_another_degradation_and_an_unchanged_one_is_read_once(catalog, written):
    name = written('[[steps]]\nstep = "area_down"\n')
    first = catalog.degradations[name]
    assert catalog.degradations[name] is first
    written('[[steps]]\nstep = "bicubic_down"\n')
    assert catalog.degradations[name].extra_hash != first.extra_hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('label = "x"\n', "the key 'steps' is missing"),
        ('labl = "x"\n[[steps]]\nstep = "area_down"\n', "unknown key 'labl'; did you mean 'label'"),
        ("[[steps]]\nsigma_px = 2\n", "mine.toml, line 1, [[steps]] 1: expected one of step, degradation, chain"),
        ('[[steps]]\nstep = "area_down"\nchain = []\n', "it has step and chain"),
        ('[[steps]]\nstep = "gausian_blur"\n', "Did you mean gaussian_blur?"),
        ('[[steps]]\nstep = "area_down"\n[[steps]]\nstep = "gaussian_blur"\nsigma = 2\n',
         "line 5, [[steps]] 2: gaussian_blur has no parameter 'sigma'; it has sigma_px"),
        ('[[steps]]\nstep = "gaussian_blur"\nsigma_px = "wide"\n',
         "sigma_px = 'wide' does not fit: expected a valid number or a valid array."),
        ('[[steps]]\nstep = "gaussian_blur"\nsigma_px = [3, 1]\n', "sigma_px = [3, 1] does not fit: the lower"),
        ('[[steps]]\nstep = "gaussian_blur"\nborder = "mirror"\n', "'reflect', 'replicate', 'circular'"),
        ('[[steps]]\nstep = "gaussian_blur"\nsigma_px = -1.0\n[[steps]]\nstep = "area_down"\n', "the chain failed"),
        ('[[steps]]\nstep = "gaussian_blur"\n', "let its last resize give"),
        ('[[steps]]\none_of = [{ step = "jpeg" }, 3]\n',
         "[[steps]] 1: one_of = [{'step': 'jpeg'}, 3] does not fit: expected an array of tables"),
        ('[[steps]]\none_of = [{ step = "jpeg", weight = -1 }]\n', "give each a number from 0"),
        ('[[steps]]\nstep = "jpeg"\nprobability = 2\n', "number from 0 to 1"),
        ('[[steps]]\nchain = [{ shuffle = [] }]\n',
         "line 2, [[steps]] 1, chain 1: shuffle = [] does not fit: expected an array of tables"),
        ('[[steps]]\ndegradation = "bicubik"\n', "Did you mean bicubic?"),
        ('[[steps]]\ndegradation = "bicubic"\nscale = 2\n', "takes no scale"),
        ('[[steps]]\ndegradation = "chain:mine.toml"\n', "the chain contains itself"),
        ("[[steps]\n", "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_understood_is_refused_with_place_and_reason(catalog, written, text, message):
    with pytest.raises(ConfigError) as caught:
        catalog.degradations[written(text)]
    assert message in str(caught.value)
    assert str(caught.value).startswith("mine.toml")


def test_a_file_that_is_not_there_is_named(catalog, written):
    with pytest.raises(ConfigError, match=r"absent\.toml cannot be read"):
        catalog.degradations["chain:absent.toml"]
    with pytest.raises(UnknownNameError, match=r"No degradation named 'chian:x\.toml'"):
        catalog.degradations["chian:x.toml"]


def test_the_page_on_degradations_shows_one_chain_in_python_and_in_toml(catalog, written):
    page = (ROOT / "docs/plugins/degradation.md").read_text(encoding="utf-8")
    names = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    from_toml = catalog.degradations[written(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])]
    assert violations_of(names["SPEC"]) == []
    first, _, last = from_toml.chain.steps
    assert (names["CHAIN"].steps[0], names["CHAIN"].steps[2]) == (first, last)
