"""Mutation testing of what must not fail: each small mistake in the code must fail a test.

`python -m tests.mutation` (or `make mutation`) makes one mistake at a time, in memory, and runs the
tests of that file in a child process. A mistake that no test notices is printed; unless
`docs/torture.md` names it with the reason, the command ends with exit code 1.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
NAMED = ROOT / "docs" / "torture.md"
LIMIT_S = 300.0
"""A mistake that lets the tests run for ever is noticed too."""

TESTS = {
    "devices/interlock.py": [
        "tests/devices/test_lane_watch.py",
        "tests/devices/test_outbox_bollards.py",
        "tests/devices/test_outbox_edges.py",
        "tests/devices/test_lanes_machine.py::TestLanes",
    ],
    "devices/motions.py": [
        "tests/devices/test_motions.py",
        "tests/devices/test_outbox_bollards.py",
        "tests/devices/test_outbox_edges.py",
        "tests/devices/test_lanes_machine.py::TestLanes",
    ],
    "wire/order_check.py": [
        "tests/wire/test_order_check.py",
        "tests/simulators/test_devices_terminals.py",
        "tests/simulators/test_devices_bollards.py",
    ],
    "wire/signing.py": ["tests/wire/test_signing.py", "tests/devices/test_order_vectors.py"],
}
SKIPPED = frozenset({"OrderSigner"})
"""Writing orders is not what a device trusts; its tests are the verification's."""


class Mutant(NamedTuple):
    """One mistake: the file, the words for it, and the code with it."""

    path: str
    words: str
    code: CodeType


# -- making mistakes -----------------------------------------------------------------------

_COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Mod: ast.Add,
}


def mistakes(node: ast.AST) -> Iterator[ast.AST]:
    """Every way in which this one piece of code is made wrong."""
    if isinstance(node, ast.Compare):
        for wrong in _COMPARED[type(node.ops[0])]:
            yield ast.Compare(node.left, [wrong(), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for left_out in node.values:
            yield _joined(node.op, [value for value in node.values if value is not left_out])
    elif isinstance(node, ast.BinOp) and type(node.op) in _COUNTED:
        yield ast.BinOp(node.left, _COUNTED[type(node.op)](), node.right)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _other_values(node.value)
    elif isinstance(node, ast.If | ast.IfExp):
        for always in (True, False):
            wrong_if = copy.copy(node)
            wrong_if.test = ast.Constant(always)
            yield wrong_if
    else:
        yield from _left_out(node)


def _joined(operator: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(operator, values)


def _other_values(value: object) -> Iterator[ast.AST]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)


def _left_out(node: ast.AST) -> Iterator[ast.AST]:
    """A statement that is not there: a result lost, a step forgotten."""
    if isinstance(node, ast.Return) and node.value is not None:
        if not (isinstance(node.value, ast.Constant) and node.value.value is None):
            yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.Raise | ast.Expr) and not _is_text(node):
        yield ast.Pass()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def mutants(path: str) -> Iterator[Mutant]:
    """Every mistake in the functions and the numbers of a file."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    for name, node, place in list(_nodes(tree, "")):
        for wrong in mistakes(node):
            holder, slot, index = place
            before = getattr(holder, slot)
            after = [*before[:index], wrong, *before[index + 1 :]] if index >= 0 else wrong
            setattr(holder, slot, after)
            fixed = ast.fix_missing_locations(copy.deepcopy(tree))
            setattr(holder, slot, before)
            yield Mutant(path, _words(name, node, wrong), compile(fixed, path, "exec"))


class Place(NamedTuple):
    """Where a piece of code stands: its holder's field, and the place in it (-1: it is alone)."""

    holder: ast.AST
    slot: str
    position: int


def _nodes(node: ast.AST, name: str) -> Iterator[tuple[str, ast.AST, Place]]:
    """Every piece of code by the name of its function or type; what only says types is none."""
    for slot, value in ast.iter_fields(node):
        if slot in _OF_TYPES or (slot == "keywords" and isinstance(node, ast.ClassDef)):
            continue
        pieces = list(enumerate(value)) if isinstance(value, list) else [(-1, value)]
        for index, piece in pieces:
            if not isinstance(piece, ast.AST) or getattr(piece, "name", "") in SKIPPED:
                continue
            within = f"{name}.{piece.name}" if isinstance(piece, _Named) else name
            if not (isinstance(piece, ast.Assign) and isinstance(node, ast.Module | ast.ClassDef)):
                yield within.strip("."), piece, Place(node, slot, index)
            yield from _nodes(piece, within)


_Named = ast.FunctionDef | ast.ClassDef
_OF_TYPES = frozenset({"annotation", "returns", "decorator_list", "bases"})


def _words(name: str, node: ast.AST, wrong: ast.AST) -> str:
    before, after = (_line(each) for each in (node, wrong))
    return f"{name or 'module'}: {before} → {after}"


def _line(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return " ".join(ast.unparse(node).split())


# -- running the tests on them -------------------------------------------------------------


@dataclass
class Child:
    """One run of the tests on one mistake."""

    mutant: Mutant
    ends: float


def _begin(mutant: Mutant, tests: list[str]) -> int:
    """Fork, so that what the tests need of other programs is loaded once; the child's id."""
    child = os.fork()
    if child:
        return child
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    code = 1
    try:
        _put_in_place(mutant)
        code = int(pytest.main(["-x", "-p", "no:xdist", *tests]))
    finally:
        os._exit(code)


def _put_in_place(mutant: Mutant) -> None:
    """Have the faulty code found where the right module is asked for."""
    room, name = mutant.path.removesuffix(".py").split("/")
    module = ModuleType(f"{room}.{name}")
    module.__file__ = str(ROOT / mutant.path)
    sys.modules[f"{room}.{name}"] = module
    setattr(importlib.import_module(room), name, module)
    exec(mutant.code, module.__dict__)  # noqa: S102 - our own code with one mistake


def survivors(found: Sequence[Mutant], *, jobs: int) -> Iterator[Mutant]:
    """The mistakes that every test passed over."""
    waiting, running = list(found), dict[int, Child]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop(0)
            child = _begin(mutant, TESTS[mutant.path])
            running[child] = Child(mutant, time.monotonic() + LIMIT_S)
        for child in list(running):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                over = running.pop(child)
                if os.waitstatus_to_exitcode(status) == 0:
                    yield over.mutant
            elif time.monotonic() > running[child].ends:
                os.kill(child, 9)
        time.sleep(0.01)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", default=list(TESTS), help="files to make wrong")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    _load_what_tests_need()
    named = NAMED.read_text("utf-8")
    unnamed = 0
    for path in chosen.paths:
        found = list(mutants(path))
        left = 0
        for mutant in survivors(found, jobs=chosen.jobs):
            is_named = f"`{mutant.words}`" in named
            unnamed += not is_named
            left += 1
            print(f"{path}: {'named' if is_named else 'NOT NAMED'}: {mutant.words}", flush=True)
        print(f"{path}: {len(found)} mistakes, {len(found) - left} noticed", flush=True)
    return 1 if unnamed else 0


def _load_what_tests_need() -> None:
    for name in (
        "config.schema",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        "hypothesis.stateful",
        "msgspec",
        "pydantic",
        "rfc8785",
    ):
        importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
