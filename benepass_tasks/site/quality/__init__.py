"""The parts of the page Data quality, one module for each thing that it speaks of."""
