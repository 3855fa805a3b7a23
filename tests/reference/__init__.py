"""Slow, obvious second readings of the specifications; they share no code with what they audit."""
