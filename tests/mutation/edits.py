"""The mutations that cosmic-ray does not have and that break sagas: something that should be done is not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A piece of source and its replacement. Columns are in characters."""

    operator: str
    node: ast.expr | ast.stmt
    becomes: str

    def apply(self, source: str) -> str:
        """Apply the edit to the source."""
        start, end = span(source, self.node)
        return source[:start] + self.becomes + source[end:]


def span(source: str, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
    """The beginning and the end of a node in the source."""
    lines = source.splitlines(keepends=True)
    assert node.end_lineno is not None
    assert node.end_col_offset is not None

    def offset(line: int, column: int) -> int:
        return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())

    return offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)


def edits(source: str, tree: ast.AST) -> Iterator[Edit]:
    """All edits of a module."""
    for node in ast.walk(tree):
        yield from _statements(node)
        yield from _displays(source, node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            yield from _answers(node, ast.unparse(node.returns))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] not in NEEDS_ALL:
            yield from _keywords(source, node)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            yield Edit("drop slice", node, ast.unparse(node.value))
        if isinstance(node, ast.ExceptHandler) and node.type:
            yield Edit("catch nothing", node.type, "()")


NEEDS_ALL = ("happened", "_change")
"""Calls that create events, which have no default values."""


def _displays(source: str, node: ast.AST) -> Iterator[Edit]:
    """Leave out one of several elements."""
    if isinstance(node, ast.Assign | ast.Return) and isinstance(node.value, ast.Tuple):
        node.value.__dict__["has_type"] = True  # mypy notices a tuple that has become too short
    if isinstance(node, ast.BoolOp):
        for dropped in node.values:
            yield Edit("drop operand", node, _without(source, node, node.values, dropped))
    if isinstance(node, ast.List | ast.Tuple) and _is_display(node):
        for each in node.elts:
            yield Edit("drop element", node, _without(source, node, node.elts, each))


def _is_display(node: ast.List | ast.Tuple) -> bool:
    return isinstance(node.ctx, ast.Load) and len(node.elts) > 1 and not hasattr(node, "has_type")


def _statements(node: ast.AST) -> Iterator[Edit]:
    """Leave out a call, a raise or a change of an attribute. mypy notices an attribute that __init__ does not set."""
    if isinstance(node, ast.FunctionDef) and node.name == "__init__":
        for each in node.body:
            for attribute in ast.walk(each):
                attribute.__dict__["initial"] = True
    is_call = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
    is_change = isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and _is_attribute(node)
    is_left_out = is_call or isinstance(node, ast.Raise) or (is_change and not hasattr(node, "initial"))
    if isinstance(node, ast.stmt) and is_left_out:
        yield Edit("drop statement", node, "pass")


def _is_attribute(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return all(isinstance(each, ast.Attribute | ast.Subscript) for each in targets)


def _answers(function: ast.FunctionDef | ast.AsyncFunctionDef, kind: str) -> Iterator[Edit]:
    """Return another value of the same type. mypy notices other types."""
    becomes = ["True", "False"] if kind == "bool" else ["None"] if "None" in kind or kind == "Any" else []
    for node in _own_nodes(function):
        if isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
            yield from (Edit("answer otherwise", node.value, each) for each in becomes)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own_nodes(child)


def _keywords(source: str, call: ast.Call) -> Iterator[Edit]:
    for each in call.keywords:
        if each.arg is not None and len(call.keywords) + len(call.args) > 1:
            yield Edit("drop argument", call, _call_without(source, call, each))


def _call_without(source: str, call: ast.Call, dropped: ast.keyword) -> str:
    every: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    arguments = [source[slice(*span(source, each))] for each in every if each is not dropped]
    return f"{source[slice(*span(source, call.func))]}({', '.join(arguments)})"


def _without(source: str, node: ast.BoolOp | ast.List | ast.Tuple, parts: list[ast.expr], dropped: ast.expr) -> str:
    rest = [source[slice(*span(source, each))] for each in parts if each is not dropped]
    if isinstance(node, ast.BoolOp):
        return "(" + (" and " if isinstance(node.op, ast.And) else " or ").join(rest) + ")"
    inside = ", ".join(rest)
    return f"[{inside}]" if isinstance(node, ast.List) else f"({inside},)"
