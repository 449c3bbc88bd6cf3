"""`make docs` builds the pages into a site: complete, without dead links, and self-contained."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]+)\"")


def build(docs: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BUILD, docs, site], cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    done = build(ROOT / "docs", site)
    assert (done.returncode, done.stderr) == (0, "")
    return site


def test_every_page_is_in_the_navigation(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    front = (site / "index.html").read_text()
    assert all((site / page).is_file() for page in sources)
    inside = {str(page) for page in sources if page.parent.name != "decisions" and page.name != "index.html"}
    assert inside <= set(re.findall(r'class="reference internal" href="([^"#]+)"', front))


def test_a_page_loads_nothing_from_another_host(site: Path) -> None:
    pages = {page: page.read_text() for page in site.rglob("*.html")}
    outside = {(page.name, url) for page, text in pages.items() for url in LOADED.findall(text) if "//" in url}
    styles = {
        css.name for css in site.rglob("*.css") if re.search(r"(?:url\(|@import )['\"]?(?:https?:)?//", css.read_text())
    }
    assert (outside, styles) == (set(), set())


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "conf.py").write_text((ROOT / "docs/conf.py").read_text())
    (docs / "index.md").write_text("# Pages\n\n[here](page.md)\n")
    (docs / "page.md").write_text("# Page\n\n[there](page.md#nowhere)\n")

    done = build(docs, tmp_path / "site")

    assert done.returncode == 1
    assert "nowhere" in done.stderr
