"""The core of a session: inputs in, steps out; no clock, no network, no file."""
