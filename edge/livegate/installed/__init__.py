"""Models that the user installed: taken in with suspicion, kept whole, put in force and taken back."""
