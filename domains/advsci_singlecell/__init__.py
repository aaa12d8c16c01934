"""advsci_singlecell."""
