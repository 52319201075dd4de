"""People in raw: where they are, how their values are recognised, and how they go."""
