"""What changes the state: one file each, with its equations, parameters, columns, kernels and phase methods."""

from ..accounts import transfer
from ..schema import Column, param
from .base import Mechanism, Step, whose_turn

__all__ = ["Column", "Mechanism", "Step", "param", "transfer", "whose_turn"]  # what a mechanism of your own needs (`own_mechanisms`)
