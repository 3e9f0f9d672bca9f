"""What is wrong with a reader's function: :func:`diagnose`.

The function is asked a question to which the answer is known. If its numbers are not the book's,
they are compared with those of each known mistake, and of each pair of mistakes. Where none agrees,
what can be seen in the numbers is said: shapes, signs, factors, which part is wrong.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import pickle
import random
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cs231n_lib.workshop.floats import Overflow, in_float32, wider
from cs231n_lib.workshop.limits import Outcome, Unending, run
from cs231n_lib.workshop.mistakes import Mistake, with_mistakes
from cs231n_lib.workshop.task import UNASKED
from cs231n_lib.workshop.tasks import H, Task, every_task
from cs231n_lib.workshop.trail import Numbers, Trail, departure, traced

__all__ = ["Diagnosis", "diagnose", "in_short"]

Named = dict[str, Any]  # what a function returned, by name

_GATES = ("input gate i", "forget gate f", "output gate o", "candidate g")


@dataclass
class Diagnosis:
    """What came of a check.

    Attributes
    ----------
    task
        What was to be written.
    written
        False if the function does no more than raise NotImplementedError.
    errors
        Name of each result -> its relative error, or None where it cannot be compared.
    wrong
        Names of the results that are wrong.
    unasked
        Names of those that it has no code for, and need not have.
    mistakes
        The known mistakes that, made together, give exactly these numbers.
    remarks
        What else there is to say, a sentence each.
    printed
        What the function printed, cut if it was much.
    seconds
        How long the function took, and how long the book's.
    """

    task: Task
    written: bool = True
    errors: dict[str, float | None] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    mistakes: tuple[Mistake, ...] = ()
    remarks: list[str] = field(default_factory=list)
    printed: str = ""
    seconds: tuple[float, float] | None = None

    @property
    def right(self) -> bool:
        return self.written and not self.wrong and not self.remarks


def diagnose(function: Callable, task: Task, seconds: float = 10.0) -> Diagnosis:
    """Try a function and find out what is wrong with it.

    Parameters
    ----------
    function : callable
        A reader's.
    task : Task
    seconds : float
        How long one call may take.

    Returns
    -------
    Diagnosis
    """
    found = Diagnosis(task)
    arguments, remark = _arguments(task, function, seconds)
    before = _copy(arguments)
    overflow = Overflow()
    outcome = run(overflow.watch(task.ask), (function, *arguments), seconds)
    if isinstance(outcome.error, NotImplementedError) and _is_blank(function):
        found.written = False
        return found
    found.remarks += remark
    found.printed = outcome.printed
    found.remarks += [
        f"It replaced {name} for everyone; that has been put right." for name in outcome.changed
    ]
    if isinstance(outcome.error, Unending):  # how far it has come tells as much
        found.remarks.append(f"{str(outcome.error).capitalize()}.")
        outcome.value = outcome.error.value
    elif outcome.error is not None:
        found.wrong = list(_compared(task))
        found.remarks.append(_what_stopped_it(outcome, task))
        if overflow.where:
            found.remarks.append(f"Before that, something overflowed, at {overflow.where}")
        return found
    found.remarks += _changed_arguments(task, before, arguments)
    found.remarks += _marked_arguments(task, before, arguments)
    wanted = _answer(task, ())
    got, problem = _named(task, outcome.value)
    if problem:
        found.wrong = list(_compared(task))
        found.remarks.append(problem)
        return found
    for name in wanted:
        if got.get(name) is UNASKED:
            found.unasked.append(name)
        else:
            found.errors[name] = _error(got.get(name), wanted[name])
    found.wrong = [name for name in wanted if not _same(got.get(name), wanted[name], task)]
    found.wrong += [name for name in got if name not in wanted and _is_in_a_list(name, task)]
    if not found.wrong:
        found.remarks += _without_gradient(task, outcome.value)
        found.remarks += _with_marked_pictures(function, task, before, seconds)
        if overflow.where:
            found.remarks.append(
                "The numbers are right, but for large ones, such as 800, an exponential overflows. "
                f"Write it so that none can. It is at {overflow.where}"
            )
        found.remarks += _too_wide(function, task, seconds)
        found.seconds = _times(function, task, arguments, outcome.seconds)
        return found
    found.mistakes = _explanation(task, got)
    if not found.mistakes:
        said: dict[str, list[str]] = {}
        for name in found.wrong:
            if name not in wanted:
                remark = "the list should have ended before."
            elif name not in got:
                remark = _too_short(name, got, wanted)
            else:
                remark = _given(task, before, got[name])
                remark = remark or _of_one_sign(task, before, got[name], wanted[name])
                remark = remark or _in_the_numbers(got[name], wanted[name], task)
            said.setdefault(remark, []).append(name)
        found.remarks += _wrong_helpers(function, seconds)
        found.remarks += [f"{in_short(names, wanted)}: {remark}" for remark, names in said.items()]
        if overflow.where:
            found.remarks.append(f"Something overflows, at {overflow.where}")
        found.remarks += _by_chance(function, task, before, got, seconds) or _right_alone(
            function, task, before, seconds
        ) + _where_it_leaves(function, task, before, seconds)
    return found


# ---- the question --------------------------------------------------------------------------------


def _rng() -> np.random.Generator:
    return np.random.default_rng(231)


def _question(task: Task, forward: Callable | None) -> tuple:
    """The task's question, always the same; for a way back, with a cache of that way forward."""
    return task.question(_rng()) if forward is None else task.question(_rng(), forward)


def _arguments(task: Task, function: Callable, seconds: float) -> tuple[tuple, list[str]]:
    """A way back gets the cache of the reader's own way forward, if that is there and right."""
    if task.forward is None:
        return _question(task, None), []
    own = getattr(function, "__globals__", {}).get(task.forward.__name__)
    remarks = []
    if own is not None and own is not task.forward:
        if _is_right(own, every_task()[task.forward.__name__], seconds):
            return _question(task, own), []
        remarks.append(
            f"Your {task.forward.__name__} is not right yet, so this one was tried with the "
            "book's cache."
        )
    return _question(task, task.forward), remarks


def _is_right(function: Callable, task: Task, seconds: float) -> bool:
    """Are the numbers right, with the book's cache where one is read?"""
    arguments = _question(task, task.forward)
    outcome = run(task.ask, (function, *arguments), seconds)
    got, wanted = _named(task, outcome.value)[0], _answer(task, ())
    return all(_same(got.get(name), wanted[name], task) for name in wanted)


def _wrong_helpers(function: Callable, seconds: float) -> list[str]:
    """The reader's functions that this one calls, if they are wrong themselves."""
    space = getattr(function, "__globals__", {})
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    return [
        f"It calls your {name}, which is not right yet: begin there."
        for name in names
        if name in every_task()
        and not name.endswith("_backward")  # which reads a cache of its own kind
        and space.get(name) not in (None, function, every_task()[name].function)
        and not (
            _is_right(space[name], every_task()[name], seconds)
            and not _widened(space[name], every_task()[name], seconds)
        )
    ]


@functools.cache
def _answer(task: Task, mistakes: tuple[Mistake, ...]) -> Named:
    """What the book's function gives, or would give with some mistakes in it."""
    function = with_mistakes(task.sources or (task.function,), mistakes)
    arguments = _question(task, task.plain_forward or task.forward)
    with np.errstate(all="ignore"):
        try:
            value = task.ask(function, *arguments)
        except Unending as unending:
            value = unending.value
    return _named(task, value)[0]


def _copy(arguments: tuple) -> tuple:
    return pickle.loads(pickle.dumps(arguments))


# ---- what came back ------------------------------------------------------------------------------


def _compared(task: Task) -> Iterator[str]:
    return (name for name in task.outputs if name != "cache")


def _named(task: Task, value: Any) -> tuple[Named, str]:
    """The results by their names, those of a dict by its keys; or what is wrong with them all."""
    names = task.outputs
    if len(names) == 1:
        value = (value,)
    if not isinstance(value, tuple | list) or len(value) != len(names):
        count = f"{len(value)} things" if isinstance(value, tuple | list) else _a(value)
        return {}, f"It returns {count}; expected {len(names)}: {', '.join(names)}."
    results = {}
    for name, result in zip(names, value):
        if name.endswith("[]"):
            if not isinstance(result, tuple | list):
                return {}, f"It returns {_a(result)}; expected a list."
            result = dict(enumerate(result))
        if isinstance(result, dict):
            results |= {f"{name.removesuffix('[]')}[{k!r}]": _array(v) for k, v in result.items()}
        elif name != "cache":
            results[name] = _array(result)
    return results, ""


def in_short(names: Collection[str], everything: Iterable[str]) -> str:
    """Names of results, and that of a dict or a list in place of the names of all its parts."""
    parts: dict[str, list[str]] = {}
    for name in dict.fromkeys([*everything, *names]):
        parts.setdefault(name.partition("[")[0], []).append(name)
    found = []
    for whole, inner in parts.items():
        some = [name for name in inner if name in names]
        found += [whole] if some == inner else some
    return ", ".join(found)


def _is_in_a_list(name: str, task: Task) -> bool:
    return f"{name.partition('[')[0]}[]" in task.outputs


def _array(result: Any) -> Any:
    """A tensor as an array, other things as they are."""
    if hasattr(result, "detach"):
        result = result.detach().cpu().numpy()
    return result


def _leaves(value: Any) -> list[Any]:
    """All numbers in a question, those of models included."""
    if hasattr(value, "state_dict"):
        value = value.state_dict()
    value = getattr(value, "params", value)
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _leaves(part)]
    return [_array(value)]


def _a(value: Any) -> str:
    if isinstance(value, tuple):  # PyTorch's max(dim=...) is one
        return f"a tuple of {len(value)} things"
    name = type(value).__name__
    article = "an" if name[0] in "aeiou" or name == "ndarray" else "a"
    return "nothing (is a return missing?)" if value is None else f"{article} {name}"


def _same(got: Any, wanted: Any, task: Task | None = None) -> bool:
    if got is UNASKED or wanted is UNASKED:
        return True
    if not isinstance(got, np.ndarray | float | int | np.number):
        return False
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape or got.dtype.kind not in "fiub":
        return False
    got, wanted = got.astype(float, copy=False), wanted.astype(float, copy=False)
    relative, absolute = task.tolerance if task else (1e-8, 1e-10)
    size = np.abs(wanted)
    if not (np.isfinite(got).all() and np.isfinite(size).all()):
        return np.allclose(got, wanted, relative, absolute, equal_nan=True)  # slow
    return bool((np.abs(got - wanted) <= absolute + relative * size).all())


def _error(got: Any, wanted: Any) -> float | None:
    """The largest difference, relative to the largest number."""
    if not isinstance(got, np.ndarray | float | int | np.number) or np.shape(got) != np.shape(
        wanted
    ):
        return None
    return float(np.max(np.abs(np.subtract(got, wanted))) / max(1e-8, np.max(np.abs(wanted))))


def _what_stopped_it(outcome: Outcome, task: Task) -> str:
    error = outcome.error
    if isinstance(error, TimeoutError):
        return f"{str(error).capitalize()}: is there a loop that never ends?"
    frames = traceback.extract_tb(error.__traceback__)[1:]
    others = ("cs231n_lib", "site-packages")
    own = [frame for frame in frames if not any(part in frame.filename for part in others)]
    where = f", at line {own[-1].lineno}: {own[-1].line}" if own and own[-1].line else ""
    if isinstance(error, NotImplementedError):
        raised = frames[-1].name
        if raised == task.function.__name__:
            return f"It still raises NotImplementedError{where}. Delete that line."
        if raised in every_task():
            return f"It calls your {raised}, which is not written yet: begin there."
    return f"It stopped with {type(error).__name__}: {error}{where}{_shapes_there(error, own)}"


def _shapes_there(error: BaseException, own: list[traceback.FrameSummary]) -> str:
    """Of the arrays in the line of the reader's where something did not fit."""
    if not isinstance(error, ValueError | IndexError) or not own:
        return ""
    *_, values = (
        frame.f_locals
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (frame.f_code.co_filename, line) == (own[-1].filename, own[-1].lineno)
    )
    names = dict.fromkeys(re.findall(r"\b[A-Za-z_]\w*", own[-1].line))
    arrays = {name: values[name] for name in names if isinstance(values.get(name), np.ndarray)}
    shapes = [f"{name} {array.shape}" for name, array in arrays.items()]
    return f". The shapes there: {', '.join(shapes)}." if shapes else ""


def _is_blank(function: Callable) -> bool:
    """Whether a function has nothing in it but ``raise NotImplementedError``."""
    code = getattr(function, "__code__", None)
    if code is None:  # an object that can be called
        return True
    names = {*code.co_names, *code.co_varnames} - {*inspect.signature(function).parameters}
    return names <= {"NotImplementedError"}


def _changed_arguments(task: Task, before: tuple, after: tuple) -> list[str]:
    names = inspect.signature(task.function).parameters
    return [
        f"It changes its argument {name}. {task.unchanged}"
        for name, old, new in zip(names, before, after)
        if name not in task.may_change and not _alike(_leaves(old), _leaves(new))
    ]


def _alike(old: list[Any], new: list[Any]) -> bool:
    return len(old) == len(new) and all(
        _same(a, b) for a, b in zip(old, new) if isinstance(a, np.ndarray | float | int)
    )


def _too_short(name: str, got: Named, wanted: Named) -> str:
    part = name.partition("[")[0]
    has, expected = (sum(n.startswith(f"{part}[") for n in names) for names in (got, wanted))
    return f"it is missing: there are {has} entries, expected {expected}."


def _parts(value: Any) -> list[Any]:
    """What lists and tuples, however nested, and models hold."""
    if hasattr(value, "named_modules"):
        return [value, *value.parameters()]
    if isinstance(value, tuple | list):
        return [part for inner in value for part in _parts(inner)]
    return [value]


def _marks(value: Any) -> list[tuple]:
    """What PyTorch notes on tensors and networks beside their numbers."""
    return [
        (
            getattr(part, "requires_grad", None),
            getattr(part, "is_leaf", False) and getattr(part, "grad", None) is not None,
            getattr(part, "training", None),
        )
        for part in _parts(value)
        if hasattr(part, "requires_grad") or hasattr(part, "training")
    ]


def _marked_arguments(task: Task, before: tuple, after: tuple) -> list[str]:
    names = inspect.signature(task.function).parameters
    return [
        f"It leaves marks on its argument {name}: requires_grad, .grad or the mode of training are "
        f"not what they were, and later cells go wrong. Work on {name}.detach().clone()."
        if not hasattr(new, "training")
        else f"It leaves marks on {name}: the mode of training or a gradient is not what it was."
        for name, old, new in zip(names, before, after)
        if _marks(old) != _marks(new)
    ]


def _with_marked_pictures(
    function: Callable, task: Task, question: tuple, seconds: float
) -> list[str]:
    """Whether it fails if the pictures it is given carry a gradient already."""
    torch = sys.modules.get("torch")
    first = question[0]
    if torch is None or task.differentiable or getattr(first, "ndim", 0) != 4:
        return []
    if task.function.__module__.startswith("cs231n_lib.speak"):
        return []
    name = next(iter(inspect.signature(task.function).parameters))
    marked = (first.detach().clone().requires_grad_(), *_copy(question[1:]))
    outcome = run(task.ask, (function, *marked), seconds)
    got, wanted = _named(task, outcome.value)[0], _answer(task, ())
    if all(_same(got.get(n), wanted[n], task) for n in wanted):
        return []
    why = f" It stopped with {type(outcome.error).__name__}." if outcome.error else ""
    return [
        f"The numbers are right, but not if {name} requires a gradient already.{why} Begin with "
        f"{name}.detach().clone()."
    ]


def _without_gradient(task: Task, value: Any) -> list[str]:
    if not task.differentiable:
        return []
    parts = _parts(value)
    if all(getattr(part, "requires_grad", False) for part in parts):
        return []
    return [
        "The numbers are right, but no gradient leads back from them to the picture. Stay with "
        "tensors, without .item(), .data, .detach() or .numpy()."
    ]


def _too_wide(function: Callable, task: Task, seconds: float) -> list[str]:
    """What to say of results that are in double precision although all that is given is not."""
    names = _widened(function, task, seconds)
    return _wrong_helpers(function, seconds) * bool(names) + [
        f"{', '.join(names)}: the numbers are right, but of float32 they make float64, and a "
        "training takes longer for it. Make new arrays like those that are given, as in "
        "np.zeros_like(b) or np.zeros(shape, b.dtype)."
    ] * bool(names)


def _widened(function: Callable, task: Task, seconds: float) -> list[str]:
    """The results that are wider than the book's if the question is asked in float32."""
    wanted, forward = _answer_in_float32(task), task.forward
    own = getattr(function, "__globals__", {}).get(getattr(forward, "__name__", ""), forward)
    if own is not forward:
        way_there = every_task()[forward.__name__]
        if _is_right(own, way_there, seconds):
            forward = own
            if _widened(own, way_there, seconds):
                return []  # which is said of that one
    if not wanted:
        return []
    outcome = run(task.ask, (function, *_question_in_float32(task, forward)), seconds)
    return wider(_named(task, outcome.value)[0], wanted)


def _question_in_float32(task: Task, forward: Callable | None) -> tuple:
    if forward is None:
        return in_float32(_question(task, None))
    *upstream, cache = task.question(_rng(), lambda *given: forward(*in_float32(given)))
    return *in_float32(upstream), cache


@functools.cache
def _answer_in_float32(task: Task) -> Named:
    """What the book's gives then; nothing if it may widen, or computes with tensors."""
    if not (task.keeps_dtype and task.function.__module__.startswith("cs231n_lib.speak.")):
        return {}
    value = task.ask(task.function, *_question_in_float32(task, task.forward))
    return _named(task, value)[0]


def _times(
    function: Callable, task: Task, arguments: tuple, first: float
) -> tuple[float, float] | None:
    book = min(
        run(task.ask, (task.function, *_question(task, task.forward))).seconds for _ in range(5)
    )
    again = 0 if first > 0.2 else 4
    return min(
        [first, *(run(task.ask, (function, *arguments)).seconds for _ in range(again))]
    ), book


# ---- the explanation -----------------------------------------------------------------------------


def _explanation(task: Task, got: Named) -> tuple[Mistake, ...]:
    """The fewest known mistakes, one or two, that give exactly these numbers."""
    for count in (1, 2):
        for mistakes in itertools.combinations(task.mistakes, count):
            try:
                known = _answer(task, mistakes)
            except LookupError:
                if count == 1:
                    raise
                continue  # both edit the same words
            except Exception:  # a pair of mistakes may stop the function altogether
                continue
            if known.keys() == got.keys() and all(_same(got[k], known[k], task) for k in known):
                return mistakes
    return ()


def _by_chance(
    function: Callable, task: Task, question: tuple, got: Named, seconds: float
) -> list[str]:
    """Whether the results hang on generators of random numbers that all share."""

    def later(*arguments: Any) -> Any:
        random.random()
        np.random.random()  # noqa: NPY002
        if torch := sys.modules.get("torch"):
            torch.rand(1)
        return task.ask(*arguments)

    again, _ = _named(task, run(later, (function, *_copy(question)), seconds).value)
    if all(_same(again.get(name), got[name], task) for name in got if _same(got[name], got[name])):
        return []
    return [
        "Asked the same again, it gives other numbers: something is drawn at random, but not from "
        "the generator or the seed that it is given."
    ]


def _right_alone(function: Callable, task: Task, question: tuple, seconds: float) -> list[str]:
    """Whether a single row or picture of the question is answered rightly."""
    first = next((len(a) for a in question if getattr(a, "ndim", 0) > 1), 1)
    if task.forward is not None or first == 1 or any(isinstance(a, dict) for a in question):
        return []
    few = [a[:1] if getattr(a, "ndim", 0) and len(a) == first else a for a in question]
    asked = [run(task.ask, (f, *_copy(few)), seconds) for f in (task.function, function)]
    wanted, got = (_named(task, outcome.value)[0] for outcome in asked)
    if asked[0].error or not all(_same(got.get(name), wanted[name], task) for name in wanted):
        return []
    part = task.axes[0]
    return [f"Given a single {part} it is right. Where do the {part}s meet?"]


def _where_it_leaves(function: Callable, task: Task, question: tuple, seconds: float) -> list[str]:
    """The line whose numbers are not among the book's, and led to none that are."""
    code = getattr(function, "__code__", None)
    if code is None:  # an object that can be called
        return []
    trail = Trail(function)
    run(task.ask, (traced(function, trail), *_copy(question)), seconds)
    numbers = Numbers(_right_numbers(task))
    numbers.add(_leaves(question))  # a cache of the reader's own
    made = departure(trail, numbers)
    if made is None:
        return []
    text = linecache.getline(code.co_filename, made.line).strip()
    if made.name:
        what = f"The first of your numbers that the book does not have is {made.name}, at line"
    else:
        what = "Your variables hold numbers that the book has too, but not what is returned at line"
    look = "Look there, and at the lines that made what it reads."
    return [f"{what} {made.line}{f': {text}' if text else '.'}", look]


@functools.cache
def _right_numbers(task: Task) -> Numbers:
    """All that the book's function computes on its way."""
    numbers = Numbers()
    function = with_mistakes(task.sources or (task.function,), (), numbers.add)
    question = _question(task, task.plain_forward or task.forward)
    numbers.add(_leaves(question))
    run(task.ask, (traced(function, numbers.watch), *question))
    # A reader may take products out of the loop, as another of the book's versions does.
    home, name = sys.modules[task.function.__module__], task.function.__name__
    hoisted, ahead = (
        getattr(home, re.sub("_(forward|backward)$", rf"_hoisted_{way}", name), None)
        for way in (r"\1", "forward")
    )
    if hoisted:
        question = _question(task, ahead if task.forward else None)
        run(task.ask, (traced(hoisted, numbers.watch), *question))
    return numbers


def _in_the_numbers(got: Any, wanted: Any, task: Task) -> str:
    """What can be said of a wrong result although no known mistake fits."""
    if not isinstance(got, np.ndarray | float | int | np.number):
        return f"{_a(got)}, expected an array of shape {np.shape(wanted)}."
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        same = got.ndim == wanted.ndim >= 2 and _same(got.swapaxes(-1, -2), wanted, task)
        tail = ". It is transposed; its numbers are right." if same else "."
        return f"the shape is {got.shape}, expected {wanted.shape}{tail}"
    if not got.ndim:
        times = got / wanted if wanted else 0
        whole = any(
            abs(n) > 1e-9 and abs(n - round(n)) < 1e-6 for n in (times, times and 1 / times)
        )
        tail = f", which is {times:.4g} times that." if whole else "."
        return f"it is {got:.6g}, expected {wanted:.6g} for this question{tail}"
    if not np.isfinite(got).all():
        first = tuple(map(int, np.argwhere(~np.isfinite(got))[0]))
        return f"there is a NaN or an infinity, the first at {first}."
    return (
        _all_over(got, wanted)
        or _in_a_part(got, wanted, task)
        or "the shape is right, the numbers are not."
    )


def _given(task: Task, question: tuple, got: Any) -> str:
    """Whether a result is an argument, as it was given."""
    for name, value in zip(inspect.signature(task.function).parameters, map(_array, question)):
        if isinstance(value, np.ndarray) and _same(got, value, task):
            return f"it is the argument {name}, as it was given."
    return ""


def _of_one_sign(task: Task, question: tuple, got: Any, wanted: Any) -> str:
    """Whether a result is wrong only where an argument of its shape is negative, or positive."""
    if not isinstance(got, np.ndarray) or got.shape != np.shape(wanted):
        return ""
    off = ~np.isclose(got, wanted, *task.tolerance)
    for name, value in zip(inspect.signature(task.function).parameters, map(_array, question)):
        if isinstance(value, np.ndarray) and value.shape == off.shape:
            for sign, places in (("negative", value < 0), ("positive", value > 0)):
                if not (off & ~places).any() and 2 * off.sum() > places.sum():
                    return f"wrong only where {name} is {sign}; everywhere else it is right."
    return ""


def _all_over(got: np.ndarray, wanted: np.ndarray) -> str:
    """How the numbers differ, if they all do so in the same way."""
    if not got.any():
        return "all numbers are zero."
    if _same(-got, wanted):
        return "the sign is wrong; the numbers are right."
    factor = np.vdot(wanted, got) / max(np.vdot(wanted, wanted), 1e-300)
    if _same(got, factor * wanted):
        return f"the numbers are {factor:.4g} times what they should be."
    shift = np.mean(got - wanted)
    if _same(got, wanted + shift):
        return f"the numbers are too large by {shift:.4g}."
    if wanted.ndim and _same(np.sort(got, axis=None), np.sort(wanted, axis=None)):
        return "the numbers are right, but in the wrong places."
    if np.allclose(got, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max()):
        return "the numbers are right to a few digits only: was something computed in float32?"
    return ""


def _in_a_part(got: np.ndarray, wanted: np.ndarray, task: Task) -> str:
    """Which part is wrong, if it is a block of some gates, some time steps or some rows."""
    if wanted.ndim and wanted.shape[-1] == 4 * H:
        blocks = zip(_GATES, np.split(got, 4, axis=-1), np.split(wanted, 4, axis=-1))
        bad = {gate: _all_over(a, b) for gate, a, b in blocks if not _same(a, b)}
        if len(bad) < 4:
            how = f": {text}" if (text := next(iter(bad.values()))) and len(bad) == 1 else "."
            return f"only the block of the {' and the '.join(bad)} is wrong{how}"
    for axis, part in ((1, task.axes[1]), (0, task.axes[0])):
        if axis < wanted.ndim - (axis == 1):
            places = range(wanted.shape[axis])
            right = [str(i) for i in places if _same(got.take(i, axis), wanted.take(i, axis))]
            if right:
                are = (
                    f"{part} {right[0]} is"
                    if len(right) == 1
                    else f"{part}s {', '.join(right)} are"
                )
                return f"of {len(places)} {part}s, counted from 0, only {are} right."
    return ""
