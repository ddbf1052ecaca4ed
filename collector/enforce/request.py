"""What the person who starts the collector asks of the policy: by settings, flags and environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from collector.enums import ContentLevel
from collector.policy.demands import demands
from collector.policy.hide import read_hidden
from collector.policy.layers import Layer, Rank
from collector.policy.model import Levels
from collector.policy.schema import Body
from collector.redact.ruleset import catalog
from collector.settings.sources import Loaded


@dataclass(frozen=True, slots=True)
class PolicyRequest:
    """A policy file or preset, a content level, and the environment with its names that hide.

    The origins say which flag or variable each came from.
    """

    policy: str = ""
    policy_origin: str = ""
    content: ContentLevel | None = None
    content_origin: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_settings(cls, loaded: Loaded, environ: Mapping[str, str]) -> PolicyRequest:
        settings, origins = loaded.settings, loaded.origins
        return cls(
            settings.policy_file,
            origins.get("policy_file", ""),
            settings.content if "content" in origins else None,
            origins.get("content", ""),
            environ,
        )

    def tightening(self) -> tuple[list[Layer], list[str]]:
        """The layers that content level and environment make, which only tighten, and notices."""
        layers = []
        if self.content is not None:
            layers.append(Layer(self.content_origin, Rank.TIGHTEN, {"content": (Levels(self.content),)}))
        names, notices, all_content = read_hidden(self.environ)
        for name in names:
            layers.append(Layer(name, Rank.TIGHTEN, demands(Body(hide=[name]), name, catalog())))
        if all_content:
            layers.append(Layer("OPENINFERENCE_HIDE_*", Rank.TIGHTEN, {"content": (Levels(ContentLevel.METADATA),)}))
        return layers, notices
