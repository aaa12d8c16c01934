"""The script ``advsci-images``."""

from advsci.cli import command, domain_app, run_app

__all__ = ["app", "main"]

app = domain_app("images", "Images from images: adapt, translate, enlarge, make and compare, each with its rivals.")
_VERBS = {
    "train": "Train",
    "sample": "Sample",
    "translate": "Translate",
    "upscale": "Upscale",
    "adapt": "Adapt",
    "caption": "Caption",
    "augment": "Augment",
    "compare": "Compare",
}
for _name, _schema in _VERBS.items():
    _module = f"advsci_images.commands.{_name}"
    command(
        app,
        _name,
        f"advsci_images.config:{_schema}",
        f"{_module}:run",
        plan=f"{_module}:plan",
        positional=("model",) if _name == "sample" else (),
    )


def main() -> int:
    """Run the script with the process's arguments; the exit status.

    Returns
    -------
    int
        The exit status.
    """
    return run_app(app)
