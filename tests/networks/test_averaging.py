"""The average of checkpoints is their mean, and only checkpoints of one network have one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from srbench.errors import CheckpointError
from srbench.networks.averaging import average_weights


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=5))
def test_the_average_of_several_checkpoints_is_their_mean_value_by_value(values):
    states = {str(n): {"w": torch.full((2, 3), v), "index": torch.arange(3)} for n, v in enumerate(values)}
    average = average_weights(states)
    assert average["w"].dtype == torch.float32
    assert average["w"][0, 0].item() == pytest.approx(sum(values) / len(values), rel=1e-6, abs=1e-30)
    assert torch.equal(average["index"], torch.arange(3))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"w": torch.ones(3)}, "index is missing in one"),
        ({"w": torch.ones(4), "index": torch.arange(3)}, "w is missing in one of them or has two shapes"),
        ({"w": torch.ones(3), "index": torch.arange(1, 4)}, "index holds whole numbers that differ"),
    ],
)
def test_checkpoints_of_different_networks_have_no_average(other, message):
    state = {"w": torch.zeros(3), "index": torch.arange(3)}
    with pytest.raises(CheckpointError, match=message):
        average_weights({"a.pth": state, "b.pth": other})


def test_networks_with_batch_normalisation_have_an_average_although_they_counted_differently():
    states = {}
    for name, batches in {"a": 3, "b": 5}.items():
        norm = torch.nn.BatchNorm2d(2)
        for _ in range(batches):
            norm(torch.randn(4, 2, 3, 3))
        states[name] = {f"body.{key}": tensor for key, tensor in norm.state_dict().items()}
    average = average_weights(states)
    assert average["body.num_batches_tracked"] == 5
    means = torch.stack([state["body.running_mean"] for state in states.values()])
    assert torch.allclose(average["body.running_mean"], means.mean(0))
    only_first = average_weights(states, (1.0, 0.0))
    assert all(torch.equal(only_first[key], states["a"][key]) for key in only_first)


def test_the_average_of_nothing_is_refused():
    with pytest.raises(CheckpointError, match="at least one"):
        average_weights({})


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32), st.floats(0, 1))
def test_shares_weigh_the_checkpoints(first, second, share):
    states = {"a": {"w": torch.full((2,), first)}, "b": {"w": torch.full((2,), second)}}
    found = average_weights(states, (1 - share, share))["w"][0].item()
    assert found == pytest.approx((1 - share) * first + share * second, rel=1e-6, abs=1e-9 + 1e-6 * abs(first))


def test_a_checkpoint_of_no_share_is_left_out_but_has_to_fit():
    state = {"w": torch.tensor([-0.0, 1.5]), "index": torch.arange(2)}
    other = {"w": torch.tensor([3.0, 4.0]), "index": torch.arange(2)}
    for states, shares in (({"a": state, "b": other}, (1.0, 0.0)), ({"b": other, "a": state}, (0.0, 1.0))):
        assert average_weights(states, shares)["w"] is state["w"]
    with pytest.raises(CheckpointError, match="two shapes"):
        average_weights({"a": state, "b": {**other, "w": torch.zeros(3)}}, (1.0, 0.0))
