"""The verbs of the script ``advsci-images``: one file each, with ``run`` and ``plan``."""
