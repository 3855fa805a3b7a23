"""The versions of the schema, oldest first; the last one is what this code reads and writes."""

VERSIONS = ("0001", "0002", "0003", "0004")
HEAD = VERSIONS[-1]
VERSION_TABLE = "alembic_version"
