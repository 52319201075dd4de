"""What a run is told: settings, secrets, where the project is; and the errors for people."""
