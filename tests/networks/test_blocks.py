"""The shared blocks have the keys of the EDSR family and do what their papers say."""

import pytest
import torch
from torch import nn

from srbench.errors import ShapeError
from srbench.networks import blocks


def keys(module):
    return [key for key in module.state_dict() if key.endswith("weight")]


def test_the_mean_shift_takes_the_colour_away_and_brings_it_back():
    down, up = (blocks.MeanShift(255.0, sign) for sign in (-1, 1))
    image = torch.rand(2, 3, 4, 5) * 255
    assert torch.allclose(up(down(image)), image, atol=1e-4)
    mean = 255 * torch.tensor(blocks.DIV2K_MEAN).view(1, 3, 1, 1)
    assert torch.allclose(down(mean), torch.zeros(1), atol=1e-5)


def test_the_mean_shift_is_the_convolution_that_a_checkpoint_holds():
    """RCAN's and SAN's releases left theirs trainable, so that colours may mix in it."""
    shift, official = blocks.MeanShift(255.0, -1), nn.Conv2d(3, 3, 1)
    shift.load_state_dict(official.state_dict())
    image = torch.rand(2, 3, 4, 5)
    assert torch.allclose(shift(image), official(image), atol=1e-6)
    assert not list(shift.parameters())


def test_full_precision_is_a_context_where_autocast_is_on_and_nothing_in_an_export():
    x = torch.rand(4, 4)

    class Product(nn.Module):
        def forward(self, x):
            with blocks.full_precision(x):
                return x @ x

    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (x @ x).dtype is torch.bfloat16
        assert Product()(x).dtype is torch.float32
    called = [node.target for node in torch.export.export(Product(), (x,)).graph.nodes if node.op == "call_function"]
    assert called == [torch.ops.aten.matmul.default]


def test_the_mean_shift_keeps_all_bits_under_autocast():
    shift, image = blocks.MeanShift(255.0, 1), torch.rand(1, 3, 4, 5) * 255
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(shift(image), image + shift.bias.view(1, 3, 1, 1))


@pytest.mark.parametrize(("scale", "indices"), [(1, []), (2, [0]), (3, [0]), (4, [0, 2]), (8, [0, 2, 4])])
def test_the_upsampler_enlarges_by_steps_of_two_or_one_of_three(scale, indices):
    upsampler = blocks.Upsampler(scale, 4)
    assert keys(upsampler) == [f"{index}.weight" for index in indices]
    assert upsampler(torch.rand(1, 4, 3, 5)).shape == (1, 4, 3 * scale, 5 * scale)


def test_the_upsampler_widens_in_other_ways_too():
    def separable(channels, more):
        return [nn.Conv2d(channels, more, 3, padding=1, groups=channels, bias=False), blocks.conv(more, more, 1)]

    upsampler = blocks.Upsampler(4, 2, widen=separable)
    assert keys(upsampler) == [f"{index}.weight" for index in (0, 1, 3, 4)]
    assert upsampler(torch.rand(1, 2, 3, 5)).shape == (1, 2, 12, 20)


@pytest.mark.parametrize("scale", [0, 5, 6])
def test_the_upsampler_refuses_a_scale_that_it_cannot_make(scale):
    with pytest.raises(ShapeError, match=f"x{scale}"):
        blocks.Upsampler(scale, 4)


def test_a_residual_block_adds_its_weighted_branch():
    block = blocks.ResidualBlock(4, 5, res_scale=0.1, attention=blocks.ChannelAttention(4, 2))
    assert keys(block) == [f"body.{key}.weight" for key in ("0", "2", "3.conv_du.0", "3.conv_du.2")]
    x = torch.rand(2, 4, 6, 7)
    assert torch.allclose(block(x), x + 0.1 * block.body(x))
    assert block.body[0].kernel_size == (5, 5)


def test_a_leaky_residual_block_lets_some_of_what_is_below_zero_through():
    block, x = blocks.ResidualBlock(4, slope=0.1), torch.rand(2, 4, 6, 7)
    inner = block.body[0](x)
    assert torch.allclose(block(x), x + block.body[2](torch.where(inner < 0, 0.1 * inner, inner)))


def test_a_residual_group_of_zeroed_convolutions_is_the_identity():
    group = blocks.ResidualGroup(4, [blocks.ResidualBlock(4) for _ in range(2)])
    inner = ["0.body.0", "0.body.2", "1.body.0", "1.body.2", "2"]
    assert keys(group) == [f"body.{key}.weight" for key in inner]
    x = torch.rand(1, 4, 5, 6)
    assert not torch.equal(group(x), x)
    blocks.zeroed(group.body[-1])
    assert torch.equal(group(x), x)


def test_channel_attention_gates_by_the_means_alone():
    """Moving pixels about must not change a gate; every value of one channel has the same."""
    attention, x = blocks.ChannelAttention(8, 4), torch.rand(1, 8, 6, 6) + 0.1
    gate = attention(x) / x
    assert torch.allclose(gate, gate[..., :1, :1].expand_as(gate), atol=1e-6)
    assert torch.allclose(attention(x.flip(3)), attention(x).flip(3), atol=1e-6)
    assert ((gate > 0) & (gate < 1)).all()


def test_pixel_attention_gates_every_value_alone():
    attention, x = blocks.PixelAttention(8), torch.rand(1, 8, 4, 4)
    changed = x.clone()
    changed[..., 0, 0] += 1
    same = attention(changed) == attention(x)
    assert not same[..., 0, 0].all()
    assert same[..., 1:, 1:].all()


def test_a_closed_pixel_gate_lets_nothing_through():
    gate = blocks.PixelAttention(2)
    with torch.no_grad():
        gate.conv.weight.zero_()
        gate.conv.bias.copy_(torch.tensor([-100.0, 100.0]))
        out = gate(torch.ones(1, 2, 3, 3))
    assert torch.equal(out[0, :, 0, 0], torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("correction", [0, 1])
@pytest.mark.parametrize("dims", [(2, 3), (1, 2, 3)])
def test_mean_and_deviation_are_those_of_torch(dims, correction):
    x = torch.rand(2, 3, 5, 4, dtype=torch.float64) * 9 - 3
    deviation, mean = torch.std_mean(x, dims, correction=correction, keepdim=True)
    found = blocks.mean_and_deviation(x, dims, correction=correction)
    torch.testing.assert_close(found, (mean, deviation), rtol=0, atol=1e-14)


def test_mean_and_deviation_of_half_precision_do_not_overflow_and_flat_features_have_gradients():
    large = torch.tensor([60_000.0, -60_000.0]).half().view(1, 1, 1, 2)
    mean, deviation = blocks.mean_and_deviation(large, (2, 3))
    assert (mean.item(), deviation.item()) == (0.0, large[0, 0, 0, 0].item())
    flat = torch.full((1, 1, 2, 2), 0.3, requires_grad=True)
    blocks.mean_and_deviation(flat, (2, 3))[1].sum().backward()
    assert flat.grad.isfinite().all()
