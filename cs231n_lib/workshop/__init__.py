"""Write the book's functions yourself, and be told what is wrong."""

from cs231n_lib.workshop.reports import check, hint, solution, summary, use_solution

__all__ = ["check", "hint", "solution", "summary", "use_solution"]
