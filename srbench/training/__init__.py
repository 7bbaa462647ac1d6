"""Patches, the loop, distillation, schedules, EMA, checkpoints."""
