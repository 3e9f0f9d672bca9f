"""The code behind the chapters.

- ``checks``, ``files``, ``progress``, ``reproducible``: the ground floor, on which all else rests.
- ``see``: looking into a network that sees, in PyTorch.
- ``speak``: a network that captions, in NumPy. It runs where there is nothing else, in a browser,
  but for ``features``, where it meets ``see``, and ``photographs``, which reads HDF5.
- ``figures``: what the chapters draw; ``figures.style`` imports nothing of ours.
- ``notebook``: what the cells of every chapter call.

Imports run one way: ground <- ``see`` <- ``speak`` <- ``figures`` <- ``notebook``, website,
benchmarks. ``tests/ground/test_house.py`` holds the rules.
"""
