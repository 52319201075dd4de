"""What leaves the warehouse: the files that analysts open, and formats for other tools."""
