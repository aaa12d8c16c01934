"""advsci_circuits."""
