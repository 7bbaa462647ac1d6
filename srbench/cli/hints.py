"""Hints for options that srbench calls by another name, or has elsewhere."""

from __future__ import annotations

from typing import Any

_IN_RECIPE = "a recipe file sets {0}: give one with --recipe, such as a copy of one that `srbench list recipes` shows"
_OTHER_NAMES = {
    "--device cuda": ("--gpu", "--gpus", "--cuda"),
    "--device cpu": ("--cpu", "--no-cuda"),
    "--executor processes --workers N": ("-j", "--jobs", "--num-workers", "--parallel", "--processes"),
    "--json-log FILE, or `> FILE` for text": ("--log", "--log-file", "--logfile", "--logs"),
    "--results DIR": ("--out", "--output", "--output-dir", "--outdir", "-o", "--save-dir"),
    "--architecture NAME": ("--arch", "--model", "--models", "--network", "-m"),
    "--degradation NAME": ("--blur", "--noise"),
    "--fresh": ("--force", "--overwrite", "--no-cache", "-f"),
    "--dry-run": ("--dry", "-n"),
    "--limit N": ("--max-images", "--first"),
    "--weights FILE": ("--checkpoint", "--ckpt", "--pretrained"),
    "--quiet": ("--silent", "-s"),
    "--track NAME, and --track-dir DIR": ("--tensorboard", "--wandb", "--logger", "--log-with", "--report-to"),
    "--long": ("--all", "--wide", "--full"),
}
"""What to type, and what people type instead."""
_KEYS = {
    "learning_rate": ("--lr", "--learning-rate"),
    "steps": ("--steps", "--epochs", "--iterations", "--iters"),
    "batch": ("--batch", "--batch-size"),
    "patch": ("--patch", "--patch-size"),
    "optimiser": ("--optimizer", "--optimiser"),
    "losses": ("--loss", "--losses"),
}
"""Keys of recipes, and the options that people expect."""


def option_hint(fault: Any) -> str:  # noqa: ANN401 - typer keeps its copy of click private
    """Return what to type instead of an unknown option; empty if there is no hint."""
    option = getattr(fault, "option_name", None)
    if fault.ctx is None or option is None:
        return ""
    known = {word for parameter in fault.ctx.command.params for word in parameter.opts}
    for right, others in _OTHER_NAMES.items():
        if option in others and right.split()[0].rstrip(",") in known:
            return f"Use {right}"
    for key, others in _KEYS.items():
        if option in others and "--recipe" in known:
            return _IN_RECIPE.format(key).capitalize()
    if fault.ctx.info_name == "plan":
        return "`srbench run --dry-run` shows the same with every option of a run"
    return ""
