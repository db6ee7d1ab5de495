"""Design matrices; the only rooms that know how rows are stored."""

from derivata.designs.dense import DenseDesign
from derivata.designs.sparse import SparseDesign
from derivata.designs.standardized import Standardized, standardize
from derivata.designs.tabulated import TabulatedBlock, TabulatedDesign

__all__ = [
    "DenseDesign",
    "SparseDesign",
    "Standardized",
    "TabulatedBlock",
    "TabulatedDesign",
    "standardize",
]
