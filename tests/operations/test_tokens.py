"""`token_counts.json` holds what four vocabularies made of each text.

They are GPT-4o's, Claude 2's, DeepSeek V3's and Gemini's, asked with the `tokenizers` package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from operations.tokens import count, upper_bound

TEXTS = json.loads(Path(__file__).with_name("token_counts.json").read_text())


def named(kind: str) -> list[Any]:
    return [pytest.param(row, id=row["name"]) for row in TEXTS if row["kind"] == kind]


@pytest.mark.parametrize("row", named("prose") + named("hostile"))
def test_no_vocabulary_passes_the_bound(row: dict[str, Any]) -> None:
    assert upper_bound(row["text"]) >= max(row["tokens"])


@pytest.mark.parametrize("row", [row for row in named("prose") if row.id != "po-km"])
def test_the_count_is_near_the_mean_of_the_vocabularies(row: dict[str, Any]) -> None:
    mean = sum(row["tokens"]) / 4

    assert count(row["text"]) == pytest.approx(mean, rel=0.30)  # 900 characters; 20 % on more


@pytest.mark.parametrize("name", ["english-license", "english-docstrings"])
def test_the_bound_of_english_stays_near_half_the_bytes(name: str) -> None:
    text = next(row["text"] for row in TEXTS if row["name"] == name)

    assert upper_bound(text) < 0.7 * len(text.encode())


def test_nothing_has_no_tokens() -> None:
    assert (count(""), upper_bound("")) == (0, 0)


def test_half_a_surrogate_pair_is_counted_not_refused() -> None:
    assert upper_bound("\ud83d") >= 3
