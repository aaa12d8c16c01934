"""What users call: the model of an AnnData, the transformer of a matrix, new cells, corrected expression."""
