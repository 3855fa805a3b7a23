"""Sessions: one strategy, one broker, one slice of an account, for days, through crashes."""
