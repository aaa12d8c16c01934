"""What users bring: keys, validated contents, files."""
