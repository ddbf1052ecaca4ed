"""What may leave the machine: the schema of policies, how layers combine, and signatures (pure but for `remote`)."""

from collector.policy.model import Action, ContentLevel, Policy

__all__ = ["Action", "ContentLevel", "Policy"]
