"""Penalties on parameters; never see rows."""

from derivata.penalties.block_norm import BlockNorm
from derivata.penalties.smooth import FREE, GroupRidge
from derivata.penalties.sparse import ElasticNet, GroupLasso, Lasso

__all__ = ["FREE", "BlockNorm", "ElasticNet", "GroupLasso", "GroupRidge", "Lasso"]
