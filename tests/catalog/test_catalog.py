"""The catalog: one read-only shelf a kind, wrong names answered with right ones, clashes with both providers."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import srbench
from srbench.catalog import hooks
from srbench.catalog.catalog import build_catalog
from srbench.catalog.kinds import KINDS, Kinds
from srbench.catalog.plugin import Plugin
from srbench.errors import PluginError, SrbenchError, UnknownNameError


def loss(name):
    return ("loss", srbench.LossSpec(name=name, build=lambda: None))


def family(name, make, kind="loss"):
    return (kind, srbench.Family(name=name, make=make, example=f"{name}:x"))


def plugin(name, *specs, **facts):
    return Plugin(name, "file", specs=list(specs), **facts)


def test_every_kind_is_a_row_with_a_shelf_and_a_hook():
    catalog = build_catalog([])
    for name, kind in KINDS.items():
        assert getattr(Kinds, kind.plural) is kind
        assert getattr(catalog, kind.plural) is catalog.shelf(name)
        assert list(catalog.shelf(name)) == []
        assert callable(getattr(hooks, kind.hook))


def test_there_is_no_hook_without_a_kind():
    assert {name for name in vars(hooks) if name.startswith("register_")} == {kind.hook for kind in KINDS.values()}


def test_names_are_sorted_for_any_order_of_plugins():
    one, other = plugin("one", loss("b"), loss("d")), plugin("other", loss("a"), loss("c"))
    assert list(build_catalog([one, other]).losses) == list(build_catalog([other, one]).losses) == ["a", "b", "c", "d"]


def test_the_same_name_of_two_kinds_is_no_clash():
    degradation = srbench.DegradationSpec(name="a", apply=lambda hr, scale, generator: hr, stochastic=False)
    catalog = build_catalog([plugin("one", loss("a")), plugin("other", ("degradation", degradation))])
    assert "a" in catalog.losses
    assert "a" in catalog.degradations


def test_two_plugins_with_one_name_are_both_named():
    plugins = [plugin("one", loss("a"), file=Path("one.py")), plugin("other", loss("a"), file=Path("other.py"))]
    with pytest.raises(PluginError) as caught:
        build_catalog(plugins)
    assert str(caught.value) == (
        "Two plugins provide the loss 'a': one (file, one.py) and other (file, other.py); rename one or remove it."
    )


def test_one_plugin_with_one_name_twice_is_named_once():
    with pytest.raises(PluginError, match=r"^Plugin one \(file\) provides the loss 'a' twice; rename one of them\.$"):
        build_catalog([plugin("one", loss("a"), loss("a"))])


@pytest.mark.parametrize("second", [family("a", lambda argument, others: None), loss("a")])
def test_prefixes_of_families_clash_like_names(second):
    with pytest.raises(PluginError, match=r"Two plugins provide the loss 'a': one \(file\) and other \(file\)"):
        build_catalog([plugin("one", family("a", lambda argument, others: None)), plugin("other", second)])


def test_a_wrong_name_is_answered_with_the_nearest_and_with_what_is_broken():
    broken = plugin("torn", error="Plugin torn failed to load: OSError: no.")
    catalog = build_catalog([plugin("one", loss("charbonnier"), loss("l1")), broken])
    with pytest.raises(UnknownNameError) as caught:
        catalog.losses["charbonier"]
    assert str(caught.value) == (
        "No loss named 'charbonier'. Did you mean charbonnier? `srbench list losses` shows all 2. "
        "It may be in a plugin that is broken: Plugin torn failed to load: OSError: no."
    )
    assert catalog.broken == (broken,)


def test_a_broken_plugin_is_fatal_only_if_asked():
    broken = plugin("torn", error="Plugin torn failed to load: OSError: no.")
    assert len(build_catalog([broken]).losses) == 0
    with pytest.raises(PluginError, match=r"^Plugin torn failed to load: OSError: no.$"):
        build_catalog([broken], strict=True)


def test_a_family_makes_specs_on_demand_and_sees_the_others():
    def make(argument, others):
        return srbench.LossSpec(name=f"twice:{argument}", build=others[argument].build)

    catalog = build_catalog([plugin("one", loss("l1")), plugin("other", family("twice", make))])
    assert catalog.losses["twice:l1"].name == "twice:l1"
    assert "twice:l1" in catalog.losses
    assert "twice:l2" not in catalog.losses
    assert list(catalog.losses) == ["l1"]
    assert [f.name for f in catalog.losses.families] == ["twice"]
    assert catalog.losses.provider("twice:l1").name == "other"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda argument, others: 1 / 0,
            "Plugin one could not make the loss 'f:x': ZeroDivisionError: division by zero.",
        ),
        (lambda argument, others: None, "Plugin one made NoneType for the loss 'f:x'; it must be LossSpec."),
    ],
)
def test_a_family_that_fails_is_blamed(make, sentence):
    catalog = build_catalog([plugin("one", family("f", make))])
    with pytest.raises(PluginError) as caught:
        catalog.losses["f:x"]
    assert str(caught.value) == sentence


def test_a_familys_own_sentence_is_passed_on():
    def refuse(argument, others):
        raise srbench.UnavailableError(f"no {argument} here")

    with pytest.raises(srbench.UnavailableError, match=r"^no x here$"):
        build_catalog([plugin("one", family("f", refuse))]).losses["f:x"]


def test_the_provider_of_an_unknown_name_is_an_unknown_name():
    with pytest.raises(UnknownNameError):
        build_catalog([]).losses.provider("l1")


def test_the_code_hash_is_that_of_the_providing_plugin():
    plugins = [plugin(n, loss(n), loss(f"{n}_b"), code_hash=f"hash of {n}") for n in ("one", "other")]
    code_hash = build_catalog(plugins).losses.code_hash
    assert code_hash("one") == code_hash("one_b") != code_hash("other")


@given(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), unique=True, max_size=8), st.text(max_size=8))
def test_a_look_up_gives_the_spec_or_a_sentence(names, wanted):
    shelf = build_catalog([plugin("one", *map(loss, names))]).losses
    if wanted in names:
        assert shelf[wanted].name == wanted
    else:
        with pytest.raises(SrbenchError, match="No loss named"):
            shelf[wanted]
    assert sorted(names) == list(shelf)


def test_required_names_pass_if_all_are_known_and_the_first_unknown_one_is_refused(catalog):
    catalog.metrics.require(("psnr_y", "ssim_y"))
    with pytest.raises(UnknownNameError, match=r"No metric named 'psnr_z'. Did you mean psnr_"):
        catalog.metrics.require(name for name in ("psnr_y", "psnr_z", "nothing"))


def test_wildcards_match_names_in_the_order_asked_for_each_once(catalog):
    shelf = catalog.architectures
    assert shelf.matching(["wide", "d?t", "wid*"]) == ["wide", "dot"]
    for pattern in ("wides", "wides*"):
        with pytest.raises(UnknownNameError, match="No architecture named 'wides"):
            shelf.matching([pattern])


def test_a_name_has_the_kinds_that_something_of_this_name_is_of(catalog):
    assert {"architecture", "degradation"} <= {*catalog.kinds_of("bicubic")}
    assert catalog.kinds_of("bicubic", "degradation") == ["degradation"]
    assert catalog.kinds_of("chain:some.toml") == ["degradation"]
    for words in (("bicubik",), ("dot", "metric"), ("dot", "architect")):
        with pytest.raises(UnknownNameError, match=r"Did you mean|No metric named 'dot'"):
            catalog.kinds_of(*words)


def network(kind, name):
    if kind == "recogniser":
        return (kind, srbench.RecogniserSpec(name=name, build=lambda: None))
    return (kind, srbench.ArchitectureSpec(name=name, build=lambda scale: None, scales=frozenset({2})))


def test_the_networks_are_the_architectures_and_the_recognisers():
    made = srbench.RecogniserSpec(name="hub:a", build=lambda: None)
    one = plugin("one", network("architecture", "sr_net"), code_hash="1")
    other = plugin(
        "other", network("recogniser", "face_net"), family("hub", lambda *_: made, "recogniser"), code_hash="2"
    )
    networks = build_catalog([one, other]).networks
    assert list(networks) == ["sr_net", "face_net"]
    assert len(networks) == 2
    assert [networks[name].task for name in (*networks, "hub:a")] == ["sr", "recognition", "recognition"]
    assert [networks.code_hash(name) for name in (*networks, "hub:a")] == ["1", "2", "2"]
    assert networks.provider("hub:a") is other
    assert networks.offers("hub:b")
    assert not networks.offers("sr")
    with pytest.raises(UnknownNameError, match=r"^No network named 'face_nut'. Did you mean face_net\? `srbench list`"):
        networks["face_nut"]


def test_a_name_of_an_architecture_and_of_a_recogniser_is_refused():
    plugins = [plugin("one", network("architecture", "net")), plugin("other", network("recogniser", "net"))]
    with pytest.raises(PluginError) as caught:
        build_catalog(plugins)
    assert str(caught.value) == (
        "'net' names both an architecture and a recogniser, from one (file) and other (file); networks share one set "
        "of names, so rename one."
    )


def test_the_room_offers_its_main_function_and_imports_it_late():
    code = "import sys, srbench.catalog; print('srbench.catalog.catalog' in sys.modules); from srbench.catalog import *"
    code += "; print(load_catalog is sys.modules['srbench.catalog.catalog'].load_catalog)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, check=True)
    assert done.stdout.split() == ["False", "True"]


@dataclass(frozen=True)
class Size:
    width: int = 4
    bias: bool = False


def test_a_family_with_parameters_gets_them_typed_and_its_specs_one_name_each():
    seen = []

    def make(size, others):
        seen.append(size)
        return srbench.LossSpec(name="sized", build=lambda: None)

    made = srbench.Family(name="sized", make=make, takes=Size, example="sized:width=8")
    losses = build_catalog([plugin("one", ("loss", made))]).losses
    names = {losses[name].name for name in ("sized:width=8,bias=true", "sized:bias=true, width=8")}
    assert names == {"sized:width=8,bias=true"}
    assert losses["sized:"].name == "sized:width=4,bias=false"
    assert seen == [Size(8, bias=True), Size(8, bias=True), Size()]
    assert losses.family("sized") is made
    with pytest.raises(UnknownNameError, match=r"No family of losses named 'size'. Did you mean sized?"):
        losses.family("size")


def test_a_family_takes_dataclasses_only():
    with pytest.raises(PluginError, match="takes <class 'int'>, which is not a dataclass"):
        srbench.Family(name="sized", make=lambda size, others: None, takes=int, example="sized:1")
