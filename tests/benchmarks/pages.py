"""``make bench-pages``: CPU time of the code of executed pages, each in a fresh process: the five tutorials, or all.

``python tests/benchmarks/pages.py [--quick] [--all]``; ``--quick`` takes the first page alone. A page that fails is
named, and the exit status is 1.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from _row import row

DOCS = Path(__file__).parents[2] / "docs"
CELL = re.compile(r"^```\{code-cell\}.*\n(?:(?:---\n[\s\S]*?---|:.*)\n)*([\s\S]*?)^```", re.MULTILINE)


def seconds(page: Path) -> tuple[float, str]:
    """CPU seconds of a page's code and of the processes that it starts, and the last line of its error, if any."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "page.py"
        script.write_text("\n".join(CELL.findall(page.read_text(encoding="utf-8"))), encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([sys.executable, script.name], cwd=folder, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    error = (out.stderr.strip().splitlines() or ["failed"])[-1] if out.returncode else ""
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, error


def main() -> int:
    """Print a row per page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all", action="store_true", help="every page that is executed")
    given = parser.parse_args()
    pages = sorted(DOCS.glob("tutorials/*.md"))
    if given.all:
        pages = [p for p in sorted(DOCS.rglob("*.md")) if CELL.search(p.read_text(encoding="utf-8"))]
    total, wrong = 0.0, 0
    for page in pages[:1] if given.quick else pages:
        spent, error = seconds(page)
        total, wrong = total + spent, wrong + bool(error)
        target = 60.0 if page.parent.name == "tutorials" else None
        row(f"page {page.relative_to(DOCS)}", spent, target, "lower", unit="CPU s", note=error)
    row("pages together", total, None, "lower", unit="CPU s")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
