"""What a journal says, as tables that can be asked: a pure function of its records."""

from runtime.journal.projections.fold import project, rebuild

__all__ = ["project", "rebuild"]
