"""What hyperparameters should minimise."""

from derivata.criteria.evidence import Evidence
from derivata.criteria.leave_one_out import LeaveOneOut
from derivata.criteria.resampling import HoldOut, KFold

__all__ = ["Evidence", "HoldOut", "KFold", "LeaveOneOut"]
