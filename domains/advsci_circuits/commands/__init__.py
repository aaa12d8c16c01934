"""What the commands of ``advsci-circuits`` do: one verb a file, ``run`` and, where it trains, ``plan``."""
