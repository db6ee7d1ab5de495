"""Penalties on parameters; never see rows."""

from derivata.penalties.smooth import FREE, GroupRidge

__all__ = ["FREE", "GroupRidge"]
