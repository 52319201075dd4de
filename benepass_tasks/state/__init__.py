"""What is known of the tables: what vouches for them, what is up to date, and the runs before."""
