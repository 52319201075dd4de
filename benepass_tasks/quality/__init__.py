"""What is wrong with the data, and who is told: reconciliation, quarantine, tests, monitors."""
