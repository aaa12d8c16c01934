"""What users bring: scans, materials, quantities with units; and maps written for other programs."""
