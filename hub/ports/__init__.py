"""What the middle needs from the world, as protocols and their small data."""
