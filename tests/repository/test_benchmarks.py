"""The benchmarks run, all sides of each, and the book shows every table that they write."""

from __future__ import annotations

import dataclasses
import itertools
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import (
    captions,
    cells,
    growth,
    layers,
    nouns,
    painting,
    peers,
    photographs,
    pictures,
    processes,
    starting,
    timing,
    transformer,
)
from benchmarks.timing import best_of
from cs231n_lib.speak.distributed import RunSettings
from tests.chapters import ROOT

SMALL = (2, 3, 4, 5)


def layer_tables(monkeypatch):
    monkeypatch.setattr(layers, "_SHAPES", (SMALL,))
    monkeypatch.setattr(layers, "_STEP_BY_STEP", (3, 4, 5, 6))
    monkeypatch.setattr(layers, "_GROWING", {"T": [(1, 2, 3, 4), (1, 8, 3, 4)]})
    return layers.tables(repeats=1)


def caption_tables(monkeypatch):
    monkeypatch.setattr(captions, "_SCENES", 40)
    return captions.tables(repeats=1)


def picture_tables(monkeypatch):
    monkeypatch.setattr(pictures, "STEPS", dict.fromkeys(pictures.STEPS, 1))
    return pictures.tables(repeats=1)


def peer_tables(monkeypatch):
    """That both sides give the same is seen here; times and peaks are measured below, once. The
    rows that say what is not installed are left out."""
    monkeypatch.setattr(peers, "SIZES", dict.fromkeys(peers.SIZES, 2))
    monkeypatch.setattr(peers, "_SIDE", 64)
    monkeypatch.setattr(peers, "SHAPE", SMALL)
    monkeypatch.setattr(peers, "_FOLDER", ROOT / "nowhere")
    monkeypatch.setattr(peers, "peaks", lambda number: [1, 1])
    monkeypatch.setattr(timing, "best_of", lambda sides, repeats: dict.fromkeys(sides, 1.0))
    found = peers.tables(repeats=1)
    missing = [row for row in found["peers"] if "not installed" in row["beside"]]
    assert len(found["peers"]) - len(missing) >= 15
    return {
        name: [row for row in rows if "not installed" not in row["beside"]]
        for name, rows in found.items()
    }


def painting_tables(monkeypatch):
    def once(sides, repeats):
        return {name: 1.0 for name, side in sides.items() if side() or True}

    for module in (painting, timing):
        monkeypatch.setattr(module, "best_of", once)
    monkeypatch.setattr(painting, "_THREADS", (1,))
    monkeypatch.setattr(painting, "SIZES", dict.fromkeys(painting.SIZES, 32))
    monkeypatch.setattr(painting, "COUNTS", dict.fromkeys(painting.COUNTS, 2))
    return painting.tables(repeats=1)


def cell_tables(monkeypatch):
    monkeypatch.setattr(cells, "_CELLS", (("RNN", 3), ("LSTM", 3)))
    monkeypatch.setattr(cells, "_SCENES", (256, 1, 30))
    monkeypatch.setattr(cells, "_EPOCHS", 1)
    return cells.tables(repeats=1)


def transformer_tables(monkeypatch):
    monkeypatch.setattr(transformer, "_SCENES", (256, 1, 130))
    monkeypatch.setattr(transformer, "_EPOCHS", 1)
    monkeypatch.setattr(transformer, "_SEEDS", range(2))
    return transformer.tables(repeats=1)


def process_tables(monkeypatch):
    small = (30, 3, 36, RunSettings(batch_size=4, hidden_dim=2))
    monkeypatch.setattr(processes, "_DATA", {"scenes": small})
    return processes.tables(repeats=1)


def photograph_tables(monkeypatch):
    monkeypatch.setattr(photographs, "_COLLECTIONS", ((3, (40, 30), 32),))
    return photographs.tables(repeats=1)


def growth_tables(monkeypatch):
    once = {"pictures": 1, "steps": 1}
    monkeypatch.setattr(growth, "_GROWING", {"side": ((64, 128), 64, once, ("saliency",))})
    monkeypatch.setattr(growth, "_PAINTINGS", {"SqueezeNet": (64, 128)})
    monkeypatch.setattr(growth, "_PAINTINGS_FROM", 64)
    return growth.growing(repeats=1) | growth.paintings(repeats=1)


def starting_tables(monkeypatch):
    monkeypatch.setattr(starting, "_STARTS", {"checks": "import cs231n_lib.checks"})
    monkeypatch.setattr(starting, "_CHAPTERS", ())
    return starting.tables(repeats=1)


NUMBER = re.compile(r"\d[\d.,e+-]*( %)?")


@pytest.mark.parametrize(
    "tables",
    [
        layer_tables, caption_tables, picture_tables, peer_tables, cell_tables,
        painting_tables, transformer_tables, process_tables, photograph_tables,
        growth_tables, starting_tables,
    ],
)  # fmt: skip
def test_every_row_is_measured_and_every_table_is_in_the_book(tables, monkeypatch):
    found = tables(monkeypatch)
    book = [path.read_text(encoding="utf-8") for path in (ROOT / "chapters").glob("*.md")]
    for name, rows in found.items():
        assert (ROOT / "chapters" / "_measured" / f"{name}.md").exists()
        assert any(f"{{include}} _measured/{name}.md" in page for page in book), name
        assert rows
        for row in rows:
            assert list(row) == list(rows[0])
            assert NUMBER.fullmatch(list(row.values())[-1]), row


@pytest.mark.parametrize("table", ["looking", "lacking", "reading"])
def test_every_row_about_nouns_is_measured(table, monkeypatch):
    few = {"num_epochs": 1}
    monkeypatch.setattr(nouns, "_PICTURES", {"shapes": (128, 1, 30), "nouns": (128, 1, 30)})
    monkeypatch.setattr(nouns, "_NOUNS", few)
    monkeypatch.setattr(nouns, "_SETTINGS", dict.fromkeys(nouns._SETTINGS, few))
    monkeypatch.setattr(nouns, "_SEEDS", range(2))
    monkeypatch.setattr(nouns, "_HIDDEN", 4)
    monkeypatch.setattr(nouns, "_CHANNELS", 2)
    *partly, whole = getattr(nouns, table)(1)
    assert len(partly) == {"looking": 5, "lacking": 5, "reading": 0}[table]
    ((name, rows),) = whole.items()
    assert name == table
    assert all(list(row) == list(rows[0]) for row in rows)
    shares = [cell for row in rows for cell in row.values() if re.fullmatch(r"[01]\.\d{3}", cell)]
    assert len(shares) >= 2 * len(rows)


def test_the_book_shows_no_table_that_nobody_writes():
    written = {path.stem for path in (ROOT / "chapters" / "_measured").iterdir()}
    shown = set()
    for path in (ROOT / "chapters").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        shown |= set(re.findall(r"\{include\} _measured/([\w-]+)\.md", text))
    assert shown == written


@pytest.mark.parametrize(
    ("table", "row", "column", "chapter", "printed"),
    [
        ("cells", r"RNN +\| 256", "captions true", "01", "rnn true"),
        ("cells", r"RNN +\| 256", "open directions", "01", "open after eight"),
        ("cells", r"LSTM +\| 256", "captions true", "02", "lstm true"),
        ("cells", r"LSTM +\| 256", "open directions", "02", "open after eight"),
        ("looking", r"shapes +\| attention", "captions true", "07", "attention true"),
        ("looking", r"nouns +\| LSTM", "captions true", "07", "nouns lstm"),
        ("looking", r"nouns +\| attention", "captions true", "07", "nouns attention"),
        ("lacking", "LSTM ", "true of new ones", "07", "nouns lstm"),
        ("lacking", "attention ", "true of new ones", "07", "nouns attention"),
    ],
)
def test_recorded_trainings_agree_with_those_of_the_chapter(table, row, column, chapter, printed):
    recorded = (ROOT / "chapters" / "_measured" / f"{table}.md").read_text(encoding="utf-8")
    names = [name.strip() for name in recorded.splitlines()[0].split("|")]
    (line,) = re.findall(rf"^\| {row} .*$", recorded, re.M)
    mean = float(line.split("|")[names.index(column)])
    (notebook,) = ROOT.glob(f"chapters/{chapter}-*.ipynb")
    run = notebook.read_text(encoding="utf-8")
    value, tolerance = re.findall(rf'"{printed}: ([\d.]+) ± ([\d.]+)', run)[0]
    assert abs(mean - float(value)) < float(tolerance)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_parts_of_a_profile_make_the_whole(cell):
    rows = layers.profile(cell, repeats=2)
    shares = [int(row["share of its time"].removesuffix(" %")) for row in rows]
    assert sum(shares) == pytest.approx(100, abs=5)  # each is rounded
    assert min(shares) >= 0
    assert sum(shares[:-4]) > 50  # the matrix products


def test_a_profiled_loop_computes_what_a_plain_one_does():
    arguments, dh = layers.case("lstm", np.float64, *SMALL)
    profiled = {name: value.view(layers.Profiled) for name, value in arguments.items()}
    results = [layers.both(layers.lstm, "lstm_loop", a, dh)() for a in (arguments, profiled)]
    for plain, other in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, np.asarray(other))


def test_the_best_of_several_turns_counts():
    seconds = itertools.cycle([0.4, 0.06, 0.06])
    assert 0.06 <= best_of({"a": lambda: time.sleep(next(seconds))}, repeats=3)["a"] < 0.3


def test_the_peak_of_a_call_counts_what_it_gave_back():
    """In a process of its own, which holds nothing that an earlier call gave back."""
    code = "import numpy as np; from benchmarks.timing import peak_memory; "
    code += "print(peak_memory(lambda: np.ones(10**7).sum()))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert int(found.stdout) == pytest.approx(8e7, rel=0.2)


def test_both_sides_of_a_match_are_measured_in_processes_of_their_own():
    number = next(n for n, match in enumerate(peers.MATCHES) if match.what.startswith("one look"))
    assert all(1e5 < peak < 1e9 for peak in peers.peaks(number))


def test_a_peer_that_gives_something_else_is_not_timed(monkeypatch):
    monkeypatch.setattr(peers, "SHAPE", SMALL)
    match = next(match for match in peers.MATCHES if match.what == "RNN, float64")
    longer = dataclasses.replace(match, ours=lambda *a: [2 * part for part in match.ours(*a)])
    with pytest.raises(AssertionError, match="RNN, float64: PyTorch gives"):
        peers.seconds(longer, 1)


def test_a_peer_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "_FOLDER", tmp_path)
    monkeypatch.setattr(
        peers, "rows", lambda number, repeats: ({"what": "", "beside": "", "s": "1"},) * 2
    )
    last = peers.tables(1)["peers-costs"][9]
    assert last == {"what": "class visualisation", "beside": "lucent, not installed", "s": "–"}


def test_the_lines_of_a_function_are_those_of_its_body():
    assert peers.lines(peers._saliency) == 1
    assert peers.lines(peers._rnn) == 2


def test_what_is_short_is_repeated_within_a_measurement():
    calls = []
    best_of({"a": lambda: calls.append(time.sleep(0.001))}, repeats=1)
    assert len(calls) > 10


def test_onednn_is_switched_on_again():
    def fails() -> None:
        assert not torch.backends.mkldnn.enabled
        raise ValueError

    with pytest.raises(ValueError):
        layers.without_onednn(fails)()
    assert torch.backends.mkldnn.enabled


def test_what_a_library_imports_is_its_own_and_what_we_import_is_not_ours():
    log = """
        import time: 8 |  8 |   cs231n_lib.checks
        import time: 3 |  3 |     numpy
        import time: 5 | 12 |   torch
        import time: 7 |  7 |       torch._dynamo
        import time: 9 | 25 |     torchvision
        import time: 1 |  1 |     PIL
        import time: 4 | 30 |   cs231n_lib.see
        import time: 2 | 32 | cs231n_lib"""
    expected = {"PyTorch": 8, "torchvision": 16, "our own": 14, "other": 1}
    assert starting.parts(log) == expected


def test_a_table_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "_FOLDER", tmp_path)
    bench.report("small", [{"what": "a `loop`", "s": "1.50"}])
    assert "1.50" in capsys.readouterr().out
    assert (tmp_path / "small.md").read_text().splitlines()[-1] == "| a `loop` | 1.50 |"
    facts = {row["what"]: row["on this run"] for row in bench.machine()}
    assert facts["threads"] == torch.get_num_threads()
    assert "kernels for" in facts["matrix products of NumPy"]


def test_what_comes_in_part_is_kept_if_the_rest_never_comes(tmp_path, monkeypatch):
    def interrupted(repeats):
        yield {"reading": [{"captions true": "0.98"}]}
        raise KeyboardInterrupt

    monkeypatch.setattr(nouns, "reading", interrupted)
    monkeypatch.setattr(bench, "_FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["bench", "reading", f"--threads={torch.get_num_threads()}"])
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert "| 0.98 " in (tmp_path / "reading.md").read_text()
