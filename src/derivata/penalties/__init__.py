"""Penalties on parameters; never see rows."""

from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.chain_variation import ChainVariation
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.penalties.smoothed_absolute import SmoothedAbsolute
from derivata.penalties.smoothed_lasso import SmoothedLasso
from derivata.penalties.sparse import ElasticNet, GroupLasso, Lasso
from derivata.penalties.total_variation import FusedLasso, SmoothedVariation, TotalVariation
from derivata.penalties.weight_decay import weight_decay

__all__ = [
    "FREE",
    "BlockNorm",
    "ChainVariation",
    "ElasticNet",
    "FusedLasso",
    "GroupLasso",
    "GroupRidge",
    "Lasso",
    "SmoothedAbsolute",
    "SmoothedLasso",
    "SmoothedVariation",
    "TotalVariation",
    "weight_decay",
]
