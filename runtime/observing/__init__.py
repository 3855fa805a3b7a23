"""What a session shows of itself: events, logs, alerts, health, metrics. It is told and never asked."""
