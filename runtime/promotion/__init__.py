"""Certificates: what a strategy needs to touch real money, and who said so.

`fingerprint` says what runs, `certificate` whether a certificate covers it, `keys` who may sign, `approving`
how one is made, `record` what became of it.
"""
