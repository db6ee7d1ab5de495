"""Second derivatives and their inverse."""

from derivata.curvature.inverse import invert

__all__ = ["invert"]
