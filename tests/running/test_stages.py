"""Everything that decides a result decides the key of its job."""

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.running.stages import MEASURE, TRAIN

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(plain, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8)
inputs = st.dictionaries(st.text(), values, min_size=1)


@settings(max_examples=40, deadline=None)
@given(inputs, st.randoms())
def test_the_order_of_keys_decides_no_key(given_inputs, random):
    items = list(given_inputs.items())
    random.shuffle(items)
    assert TRAIN.job(dict(items)) == TRAIN.job(given_inputs)


@settings(max_examples=40, deadline=None)
@given(inputs, st.data())
def test_every_changed_input_changes_the_key(given_inputs, data):
    name = data.draw(st.sampled_from(sorted(given_inputs)))
    other = data.draw(values)
    # The canonical JSON is the oracle: 1 and 1.0 are two texts, True and 1 as well.
    changed = given_inputs | {name: other}
    same = json.dumps(changed, sort_keys=True) == json.dumps(given_inputs, sort_keys=True)
    assert (TRAIN.job(changed) == TRAIN.job(given_inputs)) is same


def test_stages_and_their_versions_have_keys_of_their_own():
    stages = (TRAIN, MEASURE, replace(TRAIN, version=TRAIN.version + 1))
    assert len({stage.job({"a": 1}).key for stage in stages}) == 3


def test_a_key_is_the_same_on_every_machine():
    assert replace(TRAIN, version=1).job({"b": [1, 2.5], "a": "é"}).key == (
        "cecb61477da5aa33145d530cc441b5c32a1db89a91d1504f680de40b81271d9e"
    )
