"""The commands of ``advsci-inverse``, one module each."""
