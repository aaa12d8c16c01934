"""The systems: from images to trained networks, one file each; what the commands and the Python interface call."""
