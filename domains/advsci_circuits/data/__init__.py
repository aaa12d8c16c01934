"""Real circuits to learn from: the library in ``$ADVSCI_DATA``, or what installed packages carry."""
