"""The contracts that plugins keep: what ``srbench check`` runs, and a plugin's own tests.

The contract of a kind is the module of its name in this package: ``violations(spec)`` checks what ``CHECKED`` says.
Contracts need the CPU only, and seconds.
"""

from __future__ import annotations

from srbench.testing.answers import made_up_answers
from srbench.testing.contract import heard_by, photograph
from srbench.testing.verdict import contract_of, violations_of

__all__ = ["contract_of", "heard_by", "made_up_answers", "photograph", "violations_of"]
