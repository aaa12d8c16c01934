"""advsci_inverse."""
