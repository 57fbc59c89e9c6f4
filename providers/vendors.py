"""The vendors and models that Helix knows from the start, in the order in which they are tried.

The first model of a tier is the vendor's default for it. Names of models are the vendors' own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from providers import simulated
from providers.pricing import RateCard, flat

THINKS_A_LITTLE = 512  # tokens of thought at the vendor's “minimal”: a guess on the safe side
THINKS = 2_048  # the same at “low”


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """A model of a vendor. `card` is its price where no price list has one.

    `thinking_tokens` is room for thoughts beside the answer: vendors count them as output, and some
    models think a little whatever they are told.
    """

    name: str
    label: str
    tier: Literal["cheap", "quality"]
    max_output_tokens: int | None = None
    thinking_tokens: int = 0
    card: RateCard | None = None


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A provider. `priced_as` is its name in genai-prices, empty where that has none."""

    name: str
    label: str
    kind: str
    models: tuple[KnownModel, ...]
    key_ref: str = ""
    priced_as: str = ""


ANTHROPIC = Vendor(
    name="anthropic",
    label="Anthropic",
    kind="anthropic",
    key_ref="env:ANTHROPIC_API_KEY",
    priced_as="anthropic",
    models=(
        KnownModel(name="claude-haiku-5-5", label="Claude Haiku 5.5", tier="cheap"),
        KnownModel(name="claude-sonnet-5-5", label="Claude Sonnet 5.5", tier="quality"),
        KnownModel(name="claude-haiku-4-5", label="Claude Haiku 4.5", tier="cheap"),
        KnownModel(
            name="claude-opus-5-5",
            label="Claude Opus 5.5",
            tier="quality",
            thinking_tokens=THINKS,
        ),
    ),
)

DEEPSEEK = Vendor(
    name="deepseek",
    label="DeepSeek",
    kind="deepseek",
    key_ref="env:DEEPSEEK_API_KEY",
    priced_as="deepseek",
    models=(
        KnownModel(name="deepseek-flash", label="DeepSeek Flash", tier="cheap"),
        KnownModel(name="deepseek-v4-pro", label="DeepSeek V4 Pro", tier="quality"),
    ),
)

GEMINI = Vendor(
    name="gemini",
    label="Gemini",
    kind="gemini",
    key_ref="env:GEMINI_API_KEY",
    priced_as="google",
    models=(
        # 65,536: https://ai.google.dev/gemini-api/docs/models
        KnownModel(
            name="gemini-3.1-flash-lite",
            label="Gemini 3.1 Flash-Lite",
            tier="cheap",
            max_output_tokens=65_536,
            thinking_tokens=THINKS_A_LITTLE,
        ),
        KnownModel(
            name="gemini-3.8-flash",
            label="Gemini 3.8 Flash",
            tier="quality",
            thinking_tokens=THINKS,
        ),
        KnownModel(
            name="gemini-3.5-flash-lite",
            label="Gemini 3.5 Flash-Lite",
            tier="cheap",
            max_output_tokens=65_536,
            thinking_tokens=THINKS_A_LITTLE,
        ),
        KnownModel(
            name="gemini-3.1-pro-preview",
            label="Gemini 3.1 Pro Preview",
            tier="quality",
            thinking_tokens=THINKS,
        ),
    ),
)

OPENAI = Vendor(
    name="openai",
    label="OpenAI",
    kind="openai",
    key_ref="env:OPENAI_API_KEY",
    priced_as="openai",
    models=(
        KnownModel(name="gpt-6-luna", label="GPT-6 Luna", tier="cheap"),
        KnownModel(name="gpt-6-sol", label="GPT-6 Sol", tier="quality"),
        KnownModel(name="gpt-6.1-sol", label="GPT-6.1 Sol", tier="quality", thinking_tokens=THINKS),
        KnownModel(name="gpt-6-astra", label="GPT-6 Astra", tier="quality", thinking_tokens=THINKS),
        KnownModel(name="gpt-5.4-mini", label="GPT-5.4 mini", tier="cheap"),
    ),
)

LOCAL = Vendor(
    name="local",
    label="Local (by rules, no AI model)",
    kind="local",
    models=(
        KnownModel(
            name="rules-1",
            label="Rules 1 (by rules, no AI model)",
            tier="cheap",
            card=flat(Decimal(0), Decimal(0)),
        ),
    ),
)


def compatible() -> Vendor:
    """Return the OpenAI-compatible server that the environment names; without a model, none."""
    model = os.environ.get("OPENAI_COMPATIBLE_MODEL", "").strip()
    models = (KnownModel(name=model, label=model, tier="quality"),) if model else ()
    return Vendor(
        name="compatible",
        label="OpenAI-compatible server",
        kind="compatible",
        key_ref="env:OPENAI_COMPATIBLE_API_KEY",
        models=models,
    )


def known_vendors() -> Iterator[Vendor]:
    """Yield the vendors in their rank order; the simulated one only where it is switched on."""
    yield from (ANTHROPIC, DEEPSEEK, GEMINI, OPENAI)
    yield compatible()
    options = simulated.options()
    if options is not None:
        yield Vendor(
            name="simulated",
            label=simulated.LABEL,
            kind="simulated",
            models=(
                KnownModel(
                    name=simulated.MODEL,
                    label=simulated.LABEL,
                    tier="cheap",
                    card=flat(options.input_usd_per_mtok, options.output_usd_per_mtok),
                ),
            ),
        )
    yield LOCAL


_BASE_URL_VARIABLES = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "deepseek": "DEEPSEEK_BASE_URL",
    "gemini": "GEMINI_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "compatible": "OPENAI_COMPATIBLE_BASE_URL",
}


def base_url_variable(name: str) -> str:
    """Return the variable that gives the address of provider `name`; empty: it has none."""
    return _BASE_URL_VARIABLES.get(name, "")


def base_url(name: str) -> str:
    """Return the address that the environment gives for provider `name`; empty is the vendor's."""
    variable = base_url_variable(name)
    return os.environ.get(variable, "").strip() if variable else ""
