"""What users bring: images of folders and files, and the examples that need none."""
