"""The journal: what a session was told, what it decided, and what it was about to send."""
