"""What a folder says, whatever kind of study made it; without torch."""
