"""Import of CSV and Parquet files into the catalog."""

from data.importing.build import import_file
from data.importing.options import ImportOptions, ImportReport, Stamp, WriteMode

__all__ = ["ImportOptions", "ImportReport", "Stamp", "WriteMode", "import_file"]
