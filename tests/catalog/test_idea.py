"""What a plugin can be called, and which kinds can be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.catalog.idea import RESERVED, Idea
from srbench.errors import UnknownNameError, UsageError


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("MyNet", "'my_net'"),
        ("EDSRBaseline", "'edsr_baseline'"),
        ("my-net", "'my_net'"),
        ("my net.py", "'my_net_py'"),
        ("2fast", "'my_metric'"),
        ("über", "'ber'"),
        ("A०", "'a'"),  # a digit, but not of ASCII
        ("", "'my_metric'"),
        ("__", "'my_metric'"),
        ("a__b", "'a_b'"),
        ("../escape", "'escape'"),
        ("x" * 41, "x" * 40),
    ],
)
def test_a_name_of_another_form_is_refused_with_the_right_form(name, advice):
    with pytest.raises(UsageError, match=rf"not lower_snake_case .* write it like .*{advice}"):
        Idea("metric", name)


@given(st.text(max_size=60))
def test_the_advised_name_is_always_one_that_is_accepted(name):
    try:
        idea = Idea("metric", name)
    except UsageError as error:
        if "write it like" in str(error):
            advised = str(error).rpartition("write it like ")[2].strip("'.")
            assert advised == Idea("metric", advised).name or advised in RESERVED
    else:
        assert idea.name == name


@pytest.mark.parametrize("name", ["class", "match", "torch", "srbench", "tensor", "test_net"])
def test_names_that_hide_something_are_reserved(name):
    with pytest.raises(UsageError, match=rf"'{name}' is reserved; take another, such as 'my_{name}'"):
        Idea("architecture", name)


def test_a_kind_that_cannot_be_written_is_answered_with_the_nearest():
    with pytest.raises(
        UnknownNameError, match=r"No kind of plugin that can be written named 'architectur'. Did you mean arch"
    ):
        Idea("architectur", "my_net")


@pytest.mark.parametrize(
    "url", ["arxiv.org/abs/1", "https://", 'https://a"b', "https://a\\b", "javascript:1", "https://a b"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError, match="is not a web address"):
        Idea("metric", "my_metric", url)
