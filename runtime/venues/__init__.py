"""Venues on this machine, for rehearsals."""
