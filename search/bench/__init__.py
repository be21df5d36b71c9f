"""What `gatewright bench` measures."""
