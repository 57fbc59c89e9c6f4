"""Mail by rules: what kind it is, a first draft of one, a first draft of the reply."""

from __future__ import annotations

from providers.local.classify import classify
from providers.local.letters import compose, respond

__all__ = ["classify", "compose", "respond"]
