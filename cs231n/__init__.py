"""The names of CS231n's Assignment 3, Spring 2017, for the notebooks of that year.

A thin layer: every name leads to :mod:`cs231n_lib`, in the form in which the assignment had it.
``import cs231n`` loads nothing but NumPy. It also lets a notebook import what other libraries have
changed since, see :mod:`cs231n.since_2017`.
"""

from cs231n.since_2017 import prepare

prepare()
