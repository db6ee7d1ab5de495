"""What a fit found, as one self-contained page: ``build_report(record)``."""

from derivata.report.build import build_report
from derivata.report.record import ColumnFact, RunRecord, Said

__all__ = ["ColumnFact", "RunRecord", "Said", "build_report"]
