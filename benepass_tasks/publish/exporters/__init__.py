"""What the project knows, in the formats of other tools: pure functions and plain data."""
