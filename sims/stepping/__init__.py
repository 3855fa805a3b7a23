"""One step at a time: the engine's kernels and the fill book's as a session calls them."""
