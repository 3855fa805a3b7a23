"""The peers: one file each, run by `benchmarks.worker` inside the peer's own environment."""
