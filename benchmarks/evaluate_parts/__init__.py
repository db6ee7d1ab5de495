"""Parts of the evaluation benchmark: one claim a file, each giving rows of one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A claim and what was measured.

    Attributes
    ----------
    what : str
    wanted : str
    reached : bool or None         None: shown beside, nothing claimed
    figure : str
    """

    what: str
    wanted: str
    reached: bool | None
    figure: str

    def __str__(self) -> str:
        word = {True: "yes", False: "NO", None: "shown"}[self.reached]
        return f"| {self.what} | {self.wanted} | {word} | {self.figure} |"
