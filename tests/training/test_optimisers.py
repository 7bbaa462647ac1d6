"""A recipe's steps are divided among the phases."""

import pytest

from srbench.distilling.distiller import Phase
from srbench.errors import TrainingError
from srbench.training.optimisers import phase_lengths


def test_phases_divide_the_steps_in_proportion_and_exactly():
    def phases(*shares):
        return [Phase(f"p{n}", share=share) for n, share in enumerate(shares)]

    assert phase_lengths(phases(1), 7) == [7]
    assert phase_lengths(phases(1, 1, 1), 10) == [3, 4, 3]
    assert phase_lengths(phases(0.1, 0.9), 1000) == [100, 900]
    for wrong, sentence in (
        (phases(1, 0), "must be positive"),
        (phases(), "at least one"),
        (phases(1, 100), "none for phase 'p0'"),
    ):
        with pytest.raises(TrainingError, match=sentence):
            phase_lengths(wrong, 10)
