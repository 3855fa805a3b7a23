"""Who decides in a session: a file's rules, a Python class, or a compiled function."""
