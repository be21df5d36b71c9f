"""Reports: one HTML file each, that opens offline."""
