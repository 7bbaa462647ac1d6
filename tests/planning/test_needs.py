"""What jobs need, from a suite and from the command line."""

import pytest

from srbench.catalog.executors import Needs
from srbench.errors import UsageError
from srbench.planning.needs import KINDS, NeedsOfKind, changed_needs
from srbench.running import stages


def test_every_stage_is_a_kind_of_job():
    assert set(KINDS) == {stage.name for stage in vars(stages).values() if isinstance(stage, stages.Stage)}


def test_words_replace_what_the_suite_says_and_keep_the_rest():
    suite = {"train": NeedsOfKind(hours=2, gpus=1)}
    changed = changed_needs(suite, ["train.hours=12", "measure.memory_gib=3.5"])
    assert changed == {"train": NeedsOfKind(hours=12, gpus=1), "measure": NeedsOfKind(memory_gib=3.5)}
    assert changed["train"].applied_to(Needs(kind="train", cpus=7)) == Needs(kind="train", gpus=1, cpus=7, hours=12)


@pytest.mark.parametrize("word", ["train", "train.hours", "train.hours=", "training.hours=1", "train.gpu=1"])
def test_a_word_that_is_not_a_need_is_refused_with_those_there_are(word):
    with pytest.raises(UsageError, match=r"a kind of train, .* and a need of gpus, cpus, memory_gib, hours, silent"):
        changed_needs({}, [word])


def test_the_most_of_several_needs_is_enough_for_each():
    most = Needs.most([Needs(kind="train", gpus=1, hours=3), Needs(kind="measure", memory_gib=9)])
    assert most == Needs(kind="", gpus=1, hours=3, memory_gib=9)
    assert Needs.most([Needs(kind="train")]).kind == "train"
