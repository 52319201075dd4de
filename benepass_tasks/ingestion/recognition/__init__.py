"""What a file is, by its bytes, and what to say of one that is not what its entry says."""
