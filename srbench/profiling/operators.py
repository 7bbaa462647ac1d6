"""The cost of operators: formulas that PyTorch's counter lacks, and the operators that are not counted.

``FORMULAS`` maps operators to real operations, two to a multiply-accumulate, in the form that
``torch.utils.flop_counter.FlopCounterMode`` takes as ``custom_mapping``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count, sdpa_flop_count

aten = torch.ops.aten


def is_cheap(func: object) -> bool:
    """Return whether an operator does a small fixed number of operations per value; these are not counted."""
    if not isinstance(func, torch._ops.OpOverload) or func.namespace not in {"aten", "prim", "prims"}:
        return False
    if func.is_view or torch.Tag.pointwise in func.tags or torch.Tag.reduction in func.tags:
        return True
    return func._schema.name.split("::")[1].rstrip("_") in _CHEAP


def is_colour_normalisation(weight: object) -> bool:
    """Return whether a convolution's weight is a frozen 1×1 map between colours; see `complexity.count_macs`."""
    return (
        isinstance(weight, nn.Parameter)
        and not weight.requires_grad
        and max(weight.shape[:2]) <= 4
        and math.prod(weight.shape[2:]) == 1
    )


def _convolution(  # the arguments of aten.convolution
    x: Tensor,
    weight: Tensor,
    _bias: Tensor | None,
    _stride: object,
    _padding: object,
    _dilation: object,
    transposed: bool,
    *_: object,
    out_val: Tensor,
    **_kwargs: object,
) -> int:
    if is_colour_normalisation(weight):
        return 0
    return int(conv_flop_count(list(x.shape), list(weight.shape), list(out_val.shape), transposed=transposed))


_convolution._get_raw = True  # type: ignore[attr-defined]  # so that FlopCounterMode passes tensors, not shapes


def _fourier(shape: torch.Size, dim: list[int]) -> int:
    # The measure of FFTW's benchmarks, from the split-radix algorithm: 5 N log2 N real operations for N complex values.
    n = math.prod(shape[d] for d in dim)
    return round(5 * math.prod(shape) * math.log2(n)) if n else 0


def _c2c(x_shape: torch.Size, dim: list[int], *_: object, **_kwargs: object) -> int:
    return _fourier(x_shape, dim)


def _r2c(x_shape: torch.Size, dim: list[int], *_: object, **_kwargs: object) -> int:
    return _fourier(x_shape, dim) // 2  # half of a real signal's spectrum decides the other half


def _c2r(_x_shape: torch.Size, dim: list[int], *_: object, out_shape: torch.Size, **_kwargs: object) -> int:
    return _fourier(out_shape, dim) // 2


def _attention(query: torch.Size, key: torch.Size, value: torch.Size, *_: object, **_kwargs: object) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def _matrix_vector(matrix: torch.Size, *_: object, **_kwargs: object) -> int:
    return 2 * math.prod(matrix)


def _add_matrix_vector(_bias: torch.Size, matrix: torch.Size, *_: object, **_kwargs: object) -> int:
    return 2 * math.prod(matrix)


CONVOLUTIONS = {
    aten.convolution,
    aten._convolution,
    aten.cudnn_convolution,
    aten.convolution_overrideable,
    aten._slow_conv2d_forward,
}

FORMULAS: dict[Any, Any] = {
    aten.convolution: _convolution,
    aten._fft_c2c: _c2c,
    aten._fft_r2c: _r2c,
    aten._fft_c2r: _c2r,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_fused_attention_overrideable: _attention,
    aten.dot: _matrix_vector,
    aten.mv: _matrix_vector,
    aten.addmv: _add_matrix_vector,
}

PRICED = set(FlopCounterMode(display=False, custom_mapping=FORMULAS).flop_registry)

# Operators that PyTorch does not tag as a view, as pointwise or as a reduction, but that do a small fixed number of
# operations a value: making, copying and moving values, normalising, pooling, resampling by a fixed kernel. Operators
# that are neither here nor tagged (grid_sample, sort, cumsum, linear algebra, recurrent cells, every custom operator)
# are reported.
_CHEAP_NAMES = """
arange bernoulli clone contiguous copy empty empty_like empty_strided eye fill full full_like linspace new_empty
new_empty_strided new_full new_ones new_zeros normal ones ones_like rand rand_like randint randint_like randn
randn_like randperm scalar_tensor uniform zero zeros zeros_like lift lift_fresh lift_fresh_copy resize set

_assert_async _assert_scalar _assert_tensor_metadata _local_scalar_dense item is_same_size equal size stride numel
sym_size sym_stride sym_numel sym_storage_offset storage_offset dim is_contiguous layout device

_to_copy _unsafe_view _reshape_copy _unsafe_index _unsafe_index_put block_diag broadcast_tensors cat channel_shuffle
col2im complex constant_pad_nd diag diag_embed diagonal_scatter embedding flip gather im2col index index_add
index_copy index_fill index_put index_select masked_fill masked_scatter masked_select meshgrid nonzero one_hot
pad_sequence pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d reflection_pad3d repeat
repeat_interleave replication_pad1d replication_pad2d replication_pad3d roll rot90 scatter scatter_add
scatter_reduce select_scatter slice_scatter split_with_sizes_copy stack take tril tril_indices triu triu_indices
unfold_copy unsafe_chunk unsafe_split unsafe_split_with_sizes view_as_complex view_as_real

_log_softmax _prelu_kernel _safe_softmax _softmax _weight_norm_interface dropout gelu glu hardswish
log_sigmoid_forward mish native_dropout prelu rsub
_native_batch_norm_legit _native_batch_norm_legit_no_training native_batch_norm native_group_norm
native_layer_norm _fused_rms_norm batch_norm cudnn_batch_norm

_adaptive_avg_pool2d adaptive_max_pool2d adaptive_avg_pool2d avg_pool2d max_pool2d_with_indices max_pool2d
_upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact2d upsample_bicubic2d upsample_bilinear2d
upsample_nearest2d
"""
_CHEAP = frozenset(_CHEAP_NAMES.split())
