"""What rows, groups of rows and labels do to a fit, from derivatives at its minimiser."""

from derivata.removal.groups import fit_without, group_influence
from derivata.removal.rows import Influence, row_influence

__all__ = ["Influence", "fit_without", "group_influence", "row_influence"]
