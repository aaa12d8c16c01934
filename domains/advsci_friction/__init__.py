"""advsci_friction."""
