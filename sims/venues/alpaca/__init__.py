"""A venue that speaks as Alpaca does; its README says what it gets right and what not.

It reads the venue's documents by itself and shares nothing with the adapter that is tested with it.
"""

from sims.venues.alpaca.settings import VenueSettings
from sims.venues.alpaca.venue import AlpacaVenue

__all__ = ["AlpacaVenue", "VenueSettings"]
