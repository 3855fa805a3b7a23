"""Simulated venues: a venue's own protocol on loopback, over the fill book."""
