"""What is held about people, handed out or erased everywhere."""
