"""The commands of the script ``advsci-friction``, one module each."""
