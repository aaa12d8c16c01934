"""What this package brings to the script ``advsci``."""

from tidal import registry as registry


def demo(report, out, quick):
    """A section about nothing."""
    report.section("Tides", "High water twice a day.")
    return out / "own.html"
