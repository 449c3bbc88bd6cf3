"""The house rules that ruff and mypy do not check. Each failure lists what breaks the rule, and where."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import ordersaga
from ordersaga.domain import errors
from ordersaga.domain.order import OrderPolicy
from ordersaga.orders.client import OrderClient
from ordersaga.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 400

PUBLIC = {
    "Address",
    "AuditFilter",
    "AuditItem",
    "CancelAnswer",
    "DecisionRefused",
    "InvalidCursor",
    "InvalidOrder",
    "InvalidRequest",
    "Money",
    "OrderClient",
    "OrderConflict",
    "OrderDecision",
    "OrderFilter",
    "OrderInput",
    "OrderItem",
    "OrderNotFound",
    "OrderNote",
    "OrderPage",
    "OrderPolicy",
    "OrderResult",
    "OrderStatus",
    "OrderSummary",
    "OrderView",
    "OrdersagaError",
    "PlacedOrder",
    "ServiceUnavailable",
    "Settings",
    "SettingsError",
    "TemporalBusy",
    "TemporalUnavailable",
    "Unavailable",
    "VerdictPending",
    "WorkerUnavailable",
    "WorklistItem",
    "parse_order",
}
"""What users may import from `ordersaga`. A name more or less is a decision, and goes into CHANGELOG.md."""

# In pieces, so that this file does not break its own rule.
REGISTRIES = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "deb." + "debian"]
MACHINE_PATHS = [f"/{name}/" for name in ("work", "root", "farm", "lab")]
LOCKS_WITH_REGISTRIES = re.compile(r"(^|/)(uv\.lock|pylock[^/]*\.toml|poetry\.lock|Pipfile\.lock)$")


def files_of_the_repository() -> list[str]:
    """Every file that is in the repository or about to be, by its path from the root."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


FILES = files_of_the_repository()
MODULES = [name for name in FILES if name.endswith(".py")]
PAGES = [name for name in FILES if name.endswith(".md")]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def tree_of(name: str) -> ast.Module:
    return ast.parse(text_of(name), name)


def rows_of(page: str) -> dict[str, str]:
    """The first and the last cell of each row in a page's tables whose first cell is `code`."""
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| ([^|]*) \|$", text_of(page), re.MULTILINE)
    return {first: last.strip("`") for first, last in rows}


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=~!;\[ ]", requirement)[0] for requirement in requirements}


def check(broken: list[str], rule: str) -> None:
    assert not broken, "\n  ".join([rule, *broken])


def test_there_is_something_to_check() -> None:
    assert {"tests/test_tidy.py", "src/ordersaga/settings.py"} <= set(MODULES)
    assert "README.md" in PAGES


def test_functions_are_short() -> None:
    functions = (
        (name, node)
        for name in MODULES
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = [
        (f"{name}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1) for name, node in functions
    ]
    check(
        [f"{where}: {lines} lines" for where, lines in lengths if lines > MAX_FUNCTION_LINES],
        f"A function has at most {MAX_FUNCTION_LINES} lines. Split:",
    )


def test_files_are_short() -> None:
    lengths = {name: len(text_of(name).splitlines()) for name in MODULES}
    check(
        [f"{name}: {lines} lines" for name, lines in lengths.items() if lines > MAX_FILE_LINES],
        f"A file has one subject and at most {MAX_FILE_LINES} lines. Split:",
    )


def test_time_is_slept_only_while_a_condition_is_waited_for() -> None:
    broken = [
        f"{name}:{call.lineno}"
        for name in MODULES
        if name.startswith("tests/")
        for call in _sleeps_outside_loops(tree_of(name))
    ]
    check(broken, "A test never sleeps for luck: wait for a condition, in a while loop with a deadline. See:")


def _sleeps_outside_loops(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.While):
            continue
        if isinstance(child, ast.Call) and ast.unparse(child.func) == "time.sleep":
            yield child
        yield from _sleeps_outside_loops(child)


def test_the_layers_hold() -> None:
    lint_imports = Path(sysconfig.get_path("scripts"), "lint-imports")
    done = subprocess.run(
        [lint_imports, "--no-cache", "--no-logo"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_public_surface_is_pinned() -> None:
    assert set(ordersaga.__all__) == PUBLIC, "The public surface has changed. If it was meant: PUBLIC and CHANGELOG.md."
    check([name for name in ordersaga.__all__ if not hasattr(ordersaga, name)], "In __all__, but not there:")


def test_every_type_that_the_client_takes_or_returns_is_public() -> None:
    methods = [each for name, each in inspect.getmembers(OrderClient) if callable(each) and not name.startswith("_")]
    hints = [hint for method in methods for hint in get_type_hints(method).values()]
    ours = {each.__name__ for hint in hints for each in parts_of(hint) if each.__module__.startswith("ordersaga")}
    check(sorted(ours - PUBLIC), "OrderClient's signatures use what `ordersaga` does not export:")


def parts_of(hint: Any) -> set[type]:
    """The classes in a type, such as list[OrderView] | None."""
    own = {hint} if isinstance(hint, type) else set()
    return own.union(*(parts_of(each) for each in get_args(hint)))


def test_every_setting_is_documented_with_its_default() -> None:
    settings = {f"{PREFIX}{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    policy = {name: f"{field.default:g}" for name, field in OrderPolicy.model_fields.items()}
    expected = {name: "unset" if default is None else str(default) for name, default in settings.items()} | policy
    documented = {
        name: default for name, default in rows_of("docs/reference/settings.md").items() if name[:9] != "TEMPORAL_"
    }
    assert documented == expected, "docs/reference/settings.md does not say what ordersaga.settings and OrderPolicy say"


def test_every_setting_that_a_page_names_exists() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = {(page, name) for page in PAGES for name in re.findall(rf"\b{PREFIX}[A-Z]\w*", text_of(page))}
    check([f"{page}: {name}" for page, name in sorted(named) if name not in known], "There is no such setting:")


def error_classes() -> dict[str, type[errors.OrdersagaError]]:
    found = inspect.getmembers(errors, inspect.isclass)
    return {name: kind for name, kind in found if issubclass(kind, errors.OrdersagaError)}


def test_every_error_says_what_it_means() -> None:
    check([name for name, kind in error_classes().items() if not kind.__dict__.get("__doc__")], "No docstring:")


def test_the_tree_of_errors_is_the_true_one() -> None:
    drawn: dict[str, str] = {}
    branch: list[tuple[int, str]] = [(-1, "Exception")]
    for line in re.findall(r"^    [│├└ ]*(?:── )?[A-Z]\w+", errors.__doc__ or "", re.MULTILINE):
        name = re.search(r"\w+$", line)
        assert name
        branch = [(depth, above) for depth, above in branch if depth < name.start()]
        drawn[name.group()] = branch[-1][1]
        branch.append((name.start(), name.group()))
    assert drawn == {name: kind.__bases__[0].__name__ for name, kind in error_classes().items()}


def test_every_error_is_documented_and_every_documented_one_exists() -> None:
    assert set(rows_of("docs/reference/errors.md")) == set(error_classes())


def test_every_dependency_is_explained_and_locked() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    groups, extras = project["dependency-groups"], project["project"]["optional-dependencies"].values()
    to_run = names_of([*project["project"]["dependencies"], *(name for extra in extras for name in extra)])
    to_run -= {project["project"]["name"]}  # an extra that is made of others
    to_run |= names_of(groups["build"])
    to_develop = to_run | names_of([each for each in groups["dev"] if isinstance(each, str)])
    to_measure = names_of(groups["bench"])
    assert to_develop | to_measure == set(rows_of("docs/reference/dependencies.md")), (
        "docs/reference/dependencies.md does not explain what pyproject.toml needs"
    )
    locks = {"runtime": to_run, "dev": to_develop, "bench": to_develop | to_measure}
    for lock, named in locks.items():
        locked = set(re.findall(r"^([\w.-]+)(?:\[.*\])?==", text_of(f"requirements/{lock}.txt"), re.MULTILINE))
        check(sorted(named - locked), f"In pyproject.toml, but not in requirements/{lock}.txt (run `make lock`):")


def test_no_lock_that_records_a_registry() -> None:
    check([name for name in FILES if LOCKS_WITH_REGISTRIES.search(name)], "Locks live in requirements/, and not here:")


@pytest.mark.parametrize("forbidden", [*REGISTRIES, *MACHINE_PATHS])
def test_no_file_names_a_registry_or_a_path_of_a_machine(forbidden: str) -> None:
    broken = [
        f"{name}:{number}"
        for name in FILES
        for number, line in enumerate(text_of(name).splitlines(), 1)
        if forbidden in line
    ]
    check(broken, f"{forbidden!r} has no place in the repository, but is in:")


def test_links_between_pages_lead_somewhere() -> None:
    links = [(page, link) for page in PAGES for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page))]
    broken = [
        f"{page}: {link}"
        for page, link in links
        if not re.match(r"[a-z]+:|#", link) and not (ROOT / page).parent.joinpath(link.partition("#")[0]).exists()
    ]
    check(broken, "These links lead nowhere:")


def test_every_make_target_is_documented() -> None:
    targets = re.findall(r"^([a-z-]+):(?!=)(.*)", text_of("Makefile"), re.MULTILINE)
    check([name for name, rest in targets if " ## " not in rest], "Not in the list of `make help`:")
