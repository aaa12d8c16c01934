"""What designs are worth: solved again, recognised, shown."""
