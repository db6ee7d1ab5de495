"""Tables: read from files and frames, told into kinds of columns, and turned into a design."""

from derivata.tables.columns import Column
from derivata.tables.table import Table, read_table, table_from_frame

__all__ = ["Column", "Table", "read_table", "table_from_frame"]
