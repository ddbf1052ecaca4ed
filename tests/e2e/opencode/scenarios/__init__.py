"""What a user does and what the model answers, for each kind of turn."""

from e2e.opencode.scenarios import agents, basic, failures, history, models, unusual
from e2e.opencode.scenarios.play import SCENARIOS, Play, Scenario

__all__ = ["SCENARIOS", "Play", "Scenario", "agents", "basic", "failures", "history", "models", "unusual"]
