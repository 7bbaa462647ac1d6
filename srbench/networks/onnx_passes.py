"""What is done to an ONNX graph after it was traced: constants are folded, and nodes replaced by fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir

_ROUNDS = 2


def simplify(model: onnx_ir.Model) -> None:
    """Do in place what ``onnxscript.optimizer.optimize`` does, but for one of its rules, in a fraction of its time.

    The rule makes one node of two slices that share an image between them. It looks through the whole graph at each
    node, which takes three quarters of the time for SwinIR-light and grows as the square of a network's nodes.

    Args:
        model: As the exporter made it.
    """
    from onnx_ir.passes import Sequential, common
    from onnxscript import rewriter
    from onnxscript.optimizer import fold_constants_ir
    from onnxscript.rewriter.rules.common import slice_split_rule

    rules = [rule for rule in rewriter._DEFAULT_REWRITE_RULES if rule is not slice_split_rule]
    common.InlinePass()(model)
    for _ in range(_ROUNDS):
        fold_constants_ir(model, onnx_shape_inference=True)
        rewriter.rewrite(model, rules)
    Sequential(
        common.RemoveUnusedNodesPass(),
        common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        common.LiftSubgraphInitializersToMainGraphPass(),
        common.DeduplicateInitializersPass(),
        common.CommonSubexpressionEliminationPass(),
        common.OutputFixPass(),
        common.NameFixPass(),
    )(model)
