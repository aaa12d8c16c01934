"""What each system is compared with."""
