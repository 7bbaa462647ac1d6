"""What a contract says of a faulty spec."""

from srbench.testing import violations_of


def one_violation(spec, text):
    """A sentence that holds ``text``; every sentence names the spec."""
    violations = violations_of(spec)
    assert any(text in sentence for sentence in violations), violations
    assert all(spec.name in sentence.lower() for sentence in violations)
