"""What is done to an economy from outside: shocks (and policies), each with a window in time, a strength and a target."""

from .base import FACTORS, Intervention, Target, apply, check_targets, resolve

__all__ = ["FACTORS", "Intervention", "Target", "apply", "check_targets", "resolve"]
