"""Why a run did what it did: an order, a signal or a position told from the rows of its journal."""

from runtime.explain.story import Line, Story, story_of

__all__ = ["Line", "Story", "story_of"]
