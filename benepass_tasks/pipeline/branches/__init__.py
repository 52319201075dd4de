"""What a branch would change: brought to where its parent is, compared with it, and promoted."""
