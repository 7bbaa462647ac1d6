"""Every kind has a contract, which is found by the class of a spec."""

import pytest

import srbench
from srbench.catalog.kinds import KINDS
from srbench.errors import UsageError
from srbench.testing import contract_of, violations_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_contract_that_says_what_it_checks(kind):
    contract = contract_of(kind)
    assert callable(contract.violations)
    assert len(contract.CHECKED) > 20
    assert not contract.CHECKED.endswith(".")


def test_what_is_not_a_spec_has_no_contract():
    family = srbench.Family(name="f", make=lambda argument, others: None, example="f:x")
    with pytest.raises(UsageError, match=r"^Family is not a spec that has a contract; give one of ArchitectureSpec, "):
        violations_of(family)
