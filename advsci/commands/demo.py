"""``advsci demo``: one small real job of every domain, on one page.

A domain takes part by the part ``demo`` of its `advsci.parts`: a function ``demo(report, out, quick)`` that calls the
same functions as its script, adds a section to the report and returns the path of its own report. See
docs/commands.md.
"""

import time
from collections.abc import Callable
from datetime import datetime
from os.path import relpath
from pathlib import Path

from pydantic import Field

from advsci.config import Config
from advsci.errors import ConfigError
from advsci.output import note, tell
from advsci.parts import parts

__all__ = ["Demo", "demos", "run"]


class Demo(Config):
    """Run one small real job of every domain and write one HTML page about them.

    Example: advsci demo --only inverse --out runs/demo
    """

    out: Path | None = Field(default=None, description="Folder of page and runs; default: a new one under runs/.")
    only: list[str] = Field(default=[], description="Names of the domains to run; default: all that are installed.")
    quick: bool = Field(default=False, description="Seconds instead of minutes: checks that it runs, shows little.")


def demos() -> dict[str, Callable[[], Callable[..., Path]]]:
    """Every installed demo.

    Returns
    -------
    dict
        Name of the domain -> function that imports and returns its demo: ``demos()["inverse"]()``.
    """
    return parts("demo")


def run(config: Demo) -> Path:
    """Run the demos one after another and return the path of the page, which is rewritten after each of them.

    Parameters
    ----------
    config
        The settings of the command.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If a name in ``only`` is not registered.
    AdvsciError
        What the first failing demo raised, after the others have run and the page says so.
    """
    from advsci.report import Report

    found = demos()
    unknown = sorted(set(config.only) - set(found))
    if unknown or not found:
        raise ConfigError(
            f"only: got {unknown or 'no demo'}; expected some of {', '.join(found) or '(none)'}. "
            "Try: pip install 'advsci[all]', or a name of these."
        )
    out = config.out or Path("runs") / f"demo-{datetime.now():%Y%m%d-%H%M%S}"
    report = Report("advsci demo", "One small job of every domain, by the same code as its script.")
    if config.quick:
        report.note(
            "Quick form: everything runs, on so little data and so few steps that the figures mean nothing.", "watch"
        )
    page, failures = out / "report.html", []
    for name in config.only or found:
        note(f"demo: {name} ...")
        start = time.monotonic()
        try:
            own = found[name]()(report, out / name, config.quick)
        except Exception as error:
            failures.append(error)
            report.section(name).note(f"This demo failed: {type(error).__name__}: {error}", "bad")
        else:
            seconds = time.monotonic() - start
            report.text(f"The full report of this run, beside this page: `{relpath(own, out)}` ({seconds:.0f} s).")
        report.write(page)
    if failures:
        tell(str(page), {"page": page})
        raise failures[0]
    return page
