"""Weights are read without ever running code, and unwrapped by name."""

import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from srbench.errors import CheckpointError
from srbench.networks.weights import load_state_dict

WEIGHTS = {"a.weight": torch.arange(4.0), "a.bias": torch.ones(1)}


def saved(path, content):
    torch.save(content, path)
    return path


def same(state, expected=WEIGHTS):
    return state.keys() == expected.keys() and all(torch.equal(state[k], expected[k]) for k in expected)


@pytest.mark.parametrize("name", ["w.safetensors", "renamed.pth"])
def test_safetensors_are_known_by_their_content(name, tmp_path):
    save_file(WEIGHTS, tmp_path / name)
    loaded = load_state_dict(tmp_path / name)
    assert same(loaded.state)
    assert (loaded.place, loaded.ignored, loaded.read) == ("", (), "")


@pytest.mark.parametrize("zipped", [True, False])
def test_both_formats_of_torch_are_read(zipped, tmp_path):
    torch.save(WEIGHTS, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(load_state_dict(tmp_path / "w.pth").state)


PREFIXED = {f"module.{key}": value for key, value in WEIGHTS.items()}
OTHER = {key: value + 1 for key, value in WEIGHTS.items()}


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ({"params": WEIGHTS}, "params"),
        ({"params": OTHER, "params_ema": WEIGHTS}, "params_ema"),
        ({"state_dict": WEIGHTS, "epoch": 3, "optimizer": {"state": {}}}, "state_dict"),
        ({"model": {"state_dict": PREFIXED}}, "model.state_dict.module"),
        (PREFIXED, "module"),
        ({f"_orig_mod.{key}": value for key, value in PREFIXED.items()}, "_orig_mod.module"),
        (WEIGHTS | {"epoch": 7, "name": "x"}, "without epoch, name"),
    ],
)
def test_wrappers_are_taken_and_named(content, taken, tmp_path):
    loaded = load_state_dict(saved(tmp_path / "w.pth", content))
    assert same(loaded.state)
    assert loaded.read == taken


def prefixed(prefix, state=WEIGHTS):
    return {prefix + key: value for key, value in state.items()}


@pytest.mark.parametrize("wrapper", ["weight", "net", "netG", "network_g", "generator", "g", "a name of their own"])
def test_the_one_mapping_that_holds_the_network_is_entered_whatever_its_name(wrapper, tmp_path):
    content = {
        wrapper: WEIGHTS,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(4)}}, "param_groups": []},
        "epoch": 3,
    }
    loaded = load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS)
    assert same(loaded.state)
    assert loaded.read == wrapper


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ({"g_ema": WEIGHTS, "g": OTHER}, "g_ema"),
        ({"model": OTHER, "ema": WEIGHTS}, "ema"),
        ({"state_dict": OTHER, "state_dict_ema": WEIGHTS}, "state_dict_ema"),
        ({"model_state_dict": OTHER, "ema_state_dict": WEIGHTS}, "ema_state_dict"),
        ({"params": OTHER, "params_ema": WEIGHTS}, "params_ema"),
        (
            {"state_dict": prefixed("generator.", OTHER) | prefixed("generator_ema.") | {"steps": torch.ones(1)}},
            "state_dict.generator_ema, without generator.a.weight, generator.a.bias and 1 more keys",
        ),
    ],
)
def test_of_weights_and_their_average_the_average_is_taken(content, taken, tmp_path):
    loaded = load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS)
    assert same(loaded.state)
    assert loaded.read == taken


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (prefixed("net_g."), "net_g"),
        (prefixed("module.") | {"step": torch.tensor(3)}, "module, without step"),
        (prefixed("module.") | {"n_averaged": torch.tensor(7)}, "module, without n_averaged"),
        (prefixed("generator.") | prefixed("discriminator.body.", OTHER), None),
        ([WEIGHTS], "[0]"),
        ({"nets": [{}, {"net": WEIGHTS}]}, "nets[1].net"),
        (WEIGHTS | {"step_counter": torch.zeros(1)}, "without step_counter"),
    ],
)
def test_the_prefix_is_the_one_under_which_the_networks_keys_are(content, taken, tmp_path):
    path = saved(tmp_path / "w.pth", content)
    if taken is None:
        says = r"fit: generator and discriminator\.body; save the one that you mean in a file of its own\.$"
        with pytest.raises(CheckpointError, match=says) as caught:
            load_state_dict(path, WEIGHTS)
        assert str(caught.value).startswith(f"{path} holds several sets")
        return
    loaded = load_state_dict(path, WEIGHTS)
    assert same(loaded.state)
    assert loaded.read == taken


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sub_mean.weight", torch.eye(3)),
        ("gain", torch.ones(1)),
        ("norm.num_batches_tracked", torch.tensor(7)),
        ("steps", torch.tensor([1, 2])),
    ],
)
def test_weights_beside_those_of_the_network_are_not_dropped(key, value, tmp_path):
    content = WEIGHTS | {key: value}
    assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).state.keys() == content.keys()


def test_two_copies_of_the_same_weights_are_one_set_and_in_two_precisions_are_two(tmp_path):
    copies = {"first": WEIGHTS, "second": {key: value.clone() for key, value in WEIGHTS.items()}}
    assert load_state_dict(saved(tmp_path / "w.pth", copies), WEIGHTS).place == "first"
    halved = {"first": WEIGHTS, "second": {key: value.half() for key, value in WEIGHTS.items()}}
    with pytest.raises(CheckpointError, match="several sets"):
        load_state_dict(saved(tmp_path / "w.pth", halved), WEIGHTS)


WIDER = {key: torch.ones(9) for key in WEIGHTS}
"""Weights of the same names and another shape."""


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"old": WIDER, "new": WEIGHTS}, "new"),
        (
            {"few": {"a.weight": torch.zeros(4)}, "more": {"a.weight": torch.zeros(4), "a.bias": torch.ones(9)}},
            "more",
        ),
        ({"net": WIDER, "other": {key: value + 1 for key, value in WIDER.items()}}, "net"),
        ({"few": {"a.weight": torch.zeros(4)}, "other": {"a.weight": torch.ones(4)}}, "few"),
    ],
)
def test_the_mapping_with_most_shapes_and_then_most_names_of_the_network_is_taken(content, place, tmp_path):
    assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).place == place


def test_weights_of_another_network_are_returned_as_they_are(tmp_path):
    content = {"small": {"k": torch.ones(2)}, "large": {"l": torch.ones(2), "m": torch.ones(2)}}
    loaded = load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS)
    assert same(loaded.state, content["large"])
    assert loaded.place == "large"


def test_what_comes_after_an_optimiser_is_looked_at(tmp_path):
    content = {"optimizer": {"state": {}, "param_groups": []}, "net": WEIGHTS}
    assert load_state_dict(saved(tmp_path / "w.pth", content)).place == "net"


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"first": {"net": WEIGHTS}, "second": {"other": {"k": torch.ones(2)}}}, "first.net"),
        ({"first": [WEIGHTS], "second": [{"k": torch.ones(2)}]}, "first[0]"),
        ({"net": {"raw": OTHER, "ema": WEIGHTS}}, "net.ema"),
        ({key: value.numpy() for key, value in WEIGHTS.items()}, ""),
        ({"X": WEIGHTS}, "X"),
    ],
)
def test_the_largest_mapping_is_found_at_any_place_and_of_equals_the_average(content, place, tmp_path):
    loaded = load_state_dict(saved(tmp_path / "w.pth", content))
    assert same(loaded.state)
    assert loaded.place == place


def test_several_sets_are_named_even_where_one_has_no_name(tmp_path):
    with pytest.raises(CheckpointError, match="that fit: those without a prefix and b; save"):
        load_state_dict(saved(tmp_path / "w.pth", WEIGHTS | {"b": OTHER}), WEIGHTS)


def test_a_network_of_one_weight_is_found_under_its_prefix(tmp_path):
    loaded = load_state_dict(saved(tmp_path / "w.pth", {"net.k": torch.ones(2)}), {"k": torch.zeros(2)})
    assert loaded.state.keys() == {"k"}


def test_a_prefix_is_found_without_the_first_and_the_longest_of_the_weights(tmp_path):
    network = {key: torch.ones(2) for key in ("head", "body.1", "body.2", "body.3", "upsampler.weight")}
    content = prefixed("net.", {key: value for key, value in network.items() if key.startswith("body")})
    assert load_state_dict(saved(tmp_path / "w.pth", content), network).state.keys() == {"body.1", "body.2", "body.3"}


def test_modules_with_the_same_short_names_do_not_hide_the_networks_prefix(tmp_path):
    short = {key: torch.ones(2) for key in "wxyz"}
    network = short | {f"attention.{number}.weight": torch.ones(2) for number in range(4)}
    others = [prefixed(f"block{number}.", short) for number in range(20)]
    content = {key: value for one in (*others, prefixed("net.", network)) for key, value in one.items()}
    assert load_state_dict(saved(tmp_path / "w.pth", content), network).state.keys() == network.keys()


@pytest.mark.parametrize(
    ("name", "content", "scale"),
    [
        ("PANx3_DF2K.pth", WEIGHTS, 3),
        ("4x_real.pth", WEIGHTS, 4),
        ("net_x2_64x64.pth", WEIGHTS, 2),
        ("x2_or_x3.pth", WEIGHTS, None),
        ("max4.pth", WEIGHTS, None),
        ("w.pth", {"net": WEIGHTS, "opt": {"scale": 3}}, 3),
    ],
)
def test_the_scale_that_a_file_or_its_name_states_is_known(name, content, scale, tmp_path):
    assert load_state_dict(saved(tmp_path / name, content), WEIGHTS).scale == scale


def test_a_prefix_that_only_some_keys_have_stays(tmp_path):
    content = {"module.a": torch.ones(1), "b": torch.ones(1)}
    assert load_state_dict(saved(tmp_path / "w.pth", content)).state.keys() == content.keys()


def optimiser():
    adam = torch.optim.Adam([weight := torch.ones(2, requires_grad=True)])
    weight.sum().backward()
    adam.step()
    return adam.state_dict()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([1, 2], "holds a list, not a state dict"),
        (np.ones(3), "holds a NumPy array, not a state dict"),
        ({"epoch": 3}, "holds no tensors"),
        (optimiser(), "the state of an optimiser, not weights; give"),
        ({"optimizer": optimiser(), "epoch": 3}, "the state of an optimiser, not weights; give"),
    ],
)
def test_what_holds_no_weights_is_refused_in_a_sentence(content, text, tmp_path):
    with pytest.raises(CheckpointError, match=text) as caught:
        load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'w.pth'} holds")


def test_a_file_that_contains_itself_is_read(tmp_path):
    content = {"net": dict(WEIGHTS)}
    content["again"] = content
    content["net"]["up"] = content
    assert same(load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).state)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8), "quantised values"),
        (torch.Tensor.to_sparse, "sparse values"),
        (lambda w: w.to(torch.complex64), "complex values"),
        (lambda w: w.to("meta"), r"a shape without values \(on the meta device\)"),
    ],
)
def test_values_that_are_no_plain_numbers_are_refused_by_name(change, kind, tmp_path):
    path = saved(tmp_path / "w.pth", WEIGHTS | {"a.weight": change(WEIGHTS["a.weight"])})
    with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} holds {kind} for a.weight; save"):
        load_state_dict(path, WEIGHTS)


def test_a_tensor_that_declares_terabytes_is_refused_before_they_are_allocated(tmp_path):
    path = saved(tmp_path / "w.pth", WEIGHTS | {"a.weight": torch.ones(1).expand(2**20, 2**20)})
    with pytest.raises(CheckpointError, match=r"declares weights of 4096\.0 GiB, .* alone into a safetensors file\.$"):
        load_state_dict(path, WEIGHTS)
    small = torch.ones(1).expand(4)
    assert same(load_state_dict(saved(path, WEIGHTS | {"a.weight": small})).state, WEIGHTS | {"a.weight": small})


def test_a_tensor_of_one_value_without_a_dot_in_its_name_is_not_taken_for_weights(tmp_path):
    with pytest.raises(CheckpointError, match="holds no tensors"):
        load_state_dict(saved(tmp_path / "w.pth", {"step": torch.ones(1)}), WEIGHTS)
    for content in ({"a": torch.ones(2)}, {"a.b": torch.ones(1)}):
        assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).state.keys() == content.keys()


def test_weights_of_other_shapes_are_found_where_their_names_are(tmp_path):
    smaller = {key: value[:1].clone() for key, value in WEIGHTS.items()} | {"a.weight": torch.ones(3)}
    other = {"x.weight": torch.ones(9), "x.bias": torch.ones(9), "x.scale": torch.ones(9)}
    shapes = {"a.weight": torch.ones(2), "a.bias": torch.ones(2)}
    loaded = load_state_dict(saved(tmp_path / "w.pth", {"vgg": other, "net": smaller}), shapes)
    assert same(loaded.state, smaller)
    assert loaded.read == "net"


def test_weights_whose_shapes_fit_go_before_those_whose_names_alone_do(tmp_path):
    narrow = {key: torch.ones(9) for key in WEIGHTS}
    for content in ({"old": narrow, "new": WEIGHTS}, {"new": WEIGHTS, "old": narrow}, {"ema": narrow, "new": WEIGHTS}):
        assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).read == "new"


def test_two_equal_sets_are_one_and_the_one_with_fewer_keys_beside_it_is_taken(tmp_path):
    more = WEIGHTS | {"vgg.weight": torch.ones(3)}
    for content in ({"more": more, "less": WEIGHTS}, {"less": WEIGHTS, "more": more}):
        assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).read == "less"


@pytest.mark.parametrize("change", [lambda w: w.double(), lambda w: w + 1])
def test_two_sets_that_differ_in_one_value_or_type_are_refused(change, tmp_path):
    content = {"one": WEIGHTS, "two": WEIGHTS | {"a.bias": change(WEIGHTS["a.bias"])}}
    with pytest.raises(CheckpointError, match="several sets of weights that fit: one and two; save"):
        load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS)


def test_several_sets_of_which_none_fits_wholly_are_not_a_reason_to_refuse(tmp_path):
    content = {"one": {"a.weight": torch.ones(4)}, "two": {"a.weight": torch.zeros(4)}}
    assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).read == "one"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("change", [lambda w: w.to("meta"), torch.Tensor.to_sparse, lambda w: w.to(torch.complex64)])
def test_two_sets_of_special_values_are_refused_by_their_kind(change, tmp_path):
    sets = {name: {key: change(value) for key, value in WEIGHTS.items()} for name in ("one", "two")}
    with pytest.raises(CheckpointError, match=r"(without values .*|sparse values|complex values) for a\.weight; save"):
        load_state_dict(saved(tmp_path / "w.pth", sets), WEIGHTS)


def test_a_counter_is_dropped_unless_the_network_has_it_and_other_single_values_stay(tmp_path):
    content = WEIGHTS | {"epoch": torch.ones(1), "index": torch.tensor(2), "gain": torch.ones(1), "mean": torch.ones(2)}
    path = saved(tmp_path / "w.pth", content)
    loaded = load_state_dict(path, WEIGHTS)
    assert loaded.state.keys() == {*WEIGHTS, "gain", "mean"}
    assert loaded.ignored == ("epoch", "index")
    assert "epoch" in load_state_dict(path, WEIGHTS | {"epoch": torch.ones(1)}).state


def test_a_prefix_ends_with_a_dot(tmp_path):
    content = {f"extra{key}": value for key, value in WEIGHTS.items()}
    loaded = load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS)
    assert loaded.state.keys() == content.keys(), "nothing is cut from names of another network"


def test_what_was_read_lists_two_of_the_keys_beside_the_weights(tmp_path):
    content = {"net": WEIGHTS | {"one": 1, "two": 2}, "x": 1}
    assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).read == "net, without one, two"
    content["net"] |= {"three": 3, "four": 4}
    assert load_state_dict(saved(tmp_path / "w.pth", content), WEIGHTS).read == "net, without one, two and 2 more keys"


def test_without_a_network_the_largest_mapping_is_taken_and_of_equals_the_average(tmp_path):
    sets = {"net": OTHER, "net_ema": WEIGHTS}
    for content in ({"small": {"x.weight": torch.ones(9)}} | sets, dict(reversed(sets.items()))):
        loaded = load_state_dict(saved(tmp_path / "w.pth", content))
        assert same(loaded.state)
        assert loaded.read == "net_ema"


def test_a_file_that_states_its_scale_goes_before_its_name(tmp_path):
    def scale(options):
        return load_state_dict(saved(tmp_path / "net_x4.pth", {"net": WEIGHTS} | options), WEIGHTS).scale

    assert scale({"scale": 2}) == 2
    assert scale({"scale": 1}) == 4
    assert scale({"scale": 2, "opt": {"upscale": 3}}) == 4
    assert scale({"scale": "3"}) == 4
