"""Names of backends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.deploying.backend import EAGER, Backend, parse_backend
from srbench.errors import UnknownNameError, UsageError

RUNTIMES = ["eager", "channels_last", "onnxruntime"]


@given(st.builds(Backend, st.sampled_from(RUNTIMES), st.sampled_from(["fp32", "bf16", "fp16", "int8"])))
def test_a_backend_is_found_again_by_its_name(backend):
    assert parse_backend(backend.name, RUNTIMES) == backend


def test_what_is_left_out_is_eager_and_fp32():
    assert parse_backend("bf16", RUNTIMES) == Backend("eager", "bf16")
    assert parse_backend("channels_last", RUNTIMES) == Backend("channels_last", "fp32")
    assert parse_backend("eager", RUNTIMES) == EAGER


@pytest.mark.parametrize(
    ("name", "said"),
    [("onnxruntine-fp32", "Did you mean onnxruntime"), ("eager-fp8", "Did you mean fp"), ("", "''"), ("-int8", "''")],
)
def test_an_unknown_backend_is_answered_with_the_nearest(name, said):
    with pytest.raises(UnknownNameError, match=said):
        parse_backend(name, RUNTIMES)


def test_how_a_network_is_quantised_is_read_before_anything_is_trained():
    assert parse_backend("onnxruntime-int8-nncf-pt-drop0.10", RUNTIMES).name == "onnxruntime-int8-nncf-pt-drop0.1"
    for word in ("qdq", "nncf-pc-drop", "qdq-pc-drop0.1"):
        with pytest.raises(UsageError, match=f"'{word}' is not a quantisation; write it as"):
            parse_backend(f"onnxruntime-int8-{word}", RUNTIMES)
    with pytest.raises(UsageError, match="which only int8 has"):
        parse_backend("onnxruntime-fp16-qdq-pc", RUNTIMES)
