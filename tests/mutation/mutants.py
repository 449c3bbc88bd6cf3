"""All mutants of a module: cosmic-ray's operators that are selected here, and those of `edits`."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider

from tests.mutation.edits import edits

OPERATORS = (
    # Conditions. A comparison is negated or moved by one; its other replacements are noticed whenever one of these is.
    "AddNot",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    # Numbers and durations.
    "NumberReplacer",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Add",
    # Directions.
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ZeroIterationForLoop",
    "RemoveDecorator",
)
"""`and` and `or` are not swapped: dropping one operand (`edits`) is a stricter test. Variables are not replaced at
random."""

PLAIN_DECORATORS = ("dataclass", "property", "contextmanager")
"""Without these, the module cannot be imported or used at all, or only types change."""

LARGEST_COUNT = 2
"""A larger number is a setting: one more or less is not a bug, and a test that pins it would repeat the source."""


@dataclass(frozen=True)
class Mutant:
    """A module's source with one change, in one statement."""

    file: str
    where: str
    operator: str
    lines: tuple[int, int]
    in_function: bool
    source: str
    was: str
    becomes: str

    @property
    def key(self) -> str:
        """The key that distinguishes it from all others, even if lines move."""
        return "\0".join([self.file, self.where, self.operator, self.was, self.becomes])

    def __str__(self) -> str:
        changed = [
            *(f"- {each}" for each in self.was.splitlines()),
            *(f"+ {each}" for each in self.becomes.splitlines()),
        ]
        return "\n    ".join([f"{self.file}:{self.lines[0]} {self.where} ({self.operator})", *changed])


def mutants_of(file: str, source: str) -> list[Mutant]:
    """All useful mutants, each once."""
    tree = ast.parse(source)
    excluded = list(_excluded(tree))
    found: dict[str, Mutant] = {}
    for operator, line, mutated in [*_cosmic(source, excluded), *_own(source, tree, excluded)]:
        if not _compiles(mutated):
            continue
        where, in_function, lines = _statement(tree, line)
        was, becomes = _difference(source, mutated)
        if was != becomes:
            meaning = ast.dump(_Plain().visit(ast.parse(mutated)))
            found.setdefault(meaning, Mutant(file, where, operator, lines, in_function, mutated, was, becomes))
    return sorted(found.values(), key=lambda each: each.lines)


class _Plain(ast.NodeTransformer):
    """Makes `not a is b` the same as `a is not b`, and `not not a` as `a`."""

    NEGATED = {ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        inner = node.operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.UnaryOp) and isinstance(inner.op, ast.Not):
            return inner.operand
        if isinstance(node.op, ast.Not) and isinstance(inner, ast.Compare) and type(inner.ops[0]) in self.NEGATED:
            return ast.Compare(inner.left, [self.NEGATED[type(inner.ops[0])]()], inner.comparators)
        return node


def _cosmic(source: str, excluded: list[ast.AST]) -> Iterator[tuple[str, int, str]]:
    known = OperatorProvider()
    for name in OPERATORS:
        operator, occurrence = known[name](), 0
        for node in ast_nodes(get_ast(source)):
            for start, end in operator.mutation_positions(node):
                if not _is_in(excluded, start, end) and _makes_sense(name, node):
                    yield name, start[0], mutate_code(source, operator, occurrence)
                occurrence += 1


def _makes_sense(operator: str, node: ast.AST) -> bool:
    if operator == "NumberReplacer":
        return float(node.value) <= LARGEST_COUNT  # type: ignore[attr-defined]
    code: str = node.get_code(include_prefix=False)  # type: ignore[attr-defined]
    if operator == "AddNot":
        return not code.startswith("assert")  # it fails wherever it is reached
    return operator != "RemoveDecorator" or not code.startswith(tuple(f"@{each}" for each in PLAIN_DECORATORS))


def _own(source: str, tree: ast.AST, excluded: list[ast.AST]) -> Iterator[tuple[str, int, str]]:
    for edit in edits(source, tree):
        start, end = (
            (edit.node.lineno, edit.node.col_offset),
            (edit.node.end_lineno or 0, edit.node.end_col_offset or 0),
        )
        if not _is_in(excluded, start, end):
            yield edit.operator, edit.node.lineno, edit.apply(source)


def _excluded(tree: ast.AST) -> Iterator[ast.AST]:
    """Types, code for the type checker only, and arguments of `dataclass`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield node.returns
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from node.bases
            yield from (each for each in node.decorator_list if "dataclass" in ast.unparse(each))
        elif isinstance(node, ast.Assign) and _is_for_types(node):
            yield node
        elif isinstance(node, ast.Assert) or (
            isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice)
        ):
            yield node if isinstance(node, ast.Assert) else node.slice


def _is_for_types(node: ast.Assign) -> bool:
    text = ast.unparse(node)
    return text.startswith(("__all__", "AnyStep")) or "TypeVar" in text or "= Callable[" in text


def _is_in(excluded: list[ast.AST], start: tuple[int, int], end: tuple[int, int]) -> bool:
    spans = [((n.lineno, n.col_offset), (n.end_lineno, n.end_col_offset)) for n in excluded]  # type: ignore[attr-defined]
    return any(first <= start and end <= last for first, last in spans)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _statement(tree: ast.AST, line: int) -> tuple[str, bool, tuple[int, int]]:
    """The names around a line, whether they are a function's, and the first and last line of its statement."""
    names, in_function, lines = [], False, (line, line)
    for node in ast.walk(tree):  # the outer ones come first
        if not isinstance(node, ast.stmt) or not node.lineno <= line <= (node.end_lineno or 0):
            continue
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append(node.name)
            in_function |= not isinstance(node, ast.ClassDef) and line >= node.body[0].lineno
        body = getattr(node, "body", None)
        lines = (node.lineno, max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or 0)
    return ".".join(names), in_function, lines


def _difference(source: str, mutated: str) -> tuple[str, str]:
    was: list[str] = []
    becomes: list[str] = []
    for each in difflib.ndiff(source.splitlines(), mutated.splitlines()):
        if each[:2] in ("- ", "+ ") and each[2:].strip():
            (was if each[0] == "-" else becomes).append(each[2:].strip())
    return "\n".join(was), "\n".join(becomes)
