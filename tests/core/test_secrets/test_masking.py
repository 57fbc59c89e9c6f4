from __future__ import annotations

import html
import json
import timeit
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from core.secrets import masking, store
from core.secrets.masking import DOTS, mask, mask_values, remember
from core.secrets.own import own_secrets, remember_own


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-CANARY4711CANARY4711. You can find yours at",
        "x-api-key: sk-ant-api03-CANARY4711CANARY",
        "Authorization: Bearer CANARY4711CANARY4711",
        "https://generativelanguage.googleapis.com/v1/models?key=AIzaCANARY4711CANARY4711",
        "GET /models?alt=sse&key=CANARY4711",
        "password=CANARY4711",
        "db_password = 'CANARY4711 with words'",
        '{"api_key": "CANARY4711", "model": "m"}',
        "{'webhook_secret': 'CANARY4711'}",
        "{&quot;password&quot;: &quot;CANARY4711 &amp; words&quot;}",
        "OPENAI_API_KEY=CANARY4711",
        "connection to postgres://helix:CANARY4711@db.example:5432/helix failed",
        "postgresql://helix:p@CANARY4711@db/helix",
        "redis://:CANARY4711@127.0.0.1:6379/0",
        "whsec_CANARY4711CANARY4711",
        "ghp_CANARY4711CANARY4711",
        "AKIACANARY4711CANARY",
        "token gAAAAABCANARY4711CANARY4711CANARY",
        "eyJhbGciOiJI.eyJDQU5BUllDQU5B.CANARY4711",
        "sk_live_CANARY4711CANARY4711",
        "rk_test_CANARY4711CANARY4711",
        "xai-CANARY4711CANARY4711",
        "gsk_CANARY4711CANARY4711",
        "npm_CANARY4711CANARY4711",
        "GET /hook failed: token=CANARY4711",
        "refresh_token: CANARY4711",
        '{"id_token": "CANARY4711"}',
        "Authorization: Token CANARY4711",
        "{'Authorization': 'ApiKey CANARY4711'}",
        "Proxy-Authorization: CANARY4711",
        "Set-Cookie: sessionid=CANARY4711; HttpOnly",
        "Cookie: theme=dark; session=CANARY4711",
        "csrftoken=CANARY4711; sessionid=CANARY4711",
        "the api key: CANARY4711 was refused",
        "SECRET_KEY=CANARY4711",
        "SECRET_STORE_KEYS=CANARY4711",
        "postgres://helix:CANARY4711/with/slashes@db.example:5432/helix",
        "postgres://helix:9/CANARY4711x@db.example/helix",
        "-----BEGIN RSA PRIVATE KEY-----\nCANARY4711\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "CANARY4711" not in mask(text)
    assert DOTS in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "Settled run 0193a1c2 in 340 ms with 1,200 input_tokens=1200, max_tokens=400.",
        "http://127.0.0.1:8000/schedules/?cursor=next~2026",
        "The secret store has 3 rows.",
        "store:openai and env:OPENAI_API_KEY are references.",
        "key=value of batch item a",
        "Ask sk for a task-breakdown",
        "at 12:30:00 alice@example.org wrote",
        "http://127.0.0.1:8000/people/alice@example.org",
        "npm_config_registry is set, and so is sk_model_name_of_mine",
        "No API key: set one with `manage.py secrets set`.",
        "The token was refused; tokens: 14, tokens=3.",
        "The cookie is too old.",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "write", [str, repr, json.dumps, html.escape, lambda v: html.escape(repr(v))]
)
def test_a_known_value_is_masked_however_it_is_written(write: object) -> None:
    value = "pa<ss>\"wo\\rd'ü"
    remember(value)

    assert "wo" not in mask(write(value))  # type: ignore[operator]


def test_short_values_do_not_turn_words_into_dots() -> None:
    remember("run")

    assert mask("run 4 of the batch") == "run 4 of the batch"


def test_only_the_newest_values_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_known", {})
    monkeypatch.setattr(masking, "MOST_KNOWN", 3)

    for number in range(5):
        remember(f"canary-number-{number}")

    assert "canary-number-4" not in mask("canary-number-4")
    assert len(masking._known) == 3


def test_values_are_masked_by_their_names() -> None:
    told = mask_values(
        {
            "api_key": "x",
            "webhook_secret": {"a": 1},
            "webhook_secret_ref": "store:hook",
            "key_fingerprint": "ab12",
            "input_tokens": 3,
            "has_password": True,
            "password": "",
            "items": [{"key": "a", "token": "t"}],
        }
    )

    assert told == {
        "api_key": DOTS,
        "webhook_secret": DOTS,
        "webhook_secret_ref": "store:hook",
        "key_fingerprint": "ab12",
        "input_tokens": 3,
        "has_password": True,
        "password": "",
        "items": [{"key": "a", "token": DOTS}],
    }


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a-",
        "a.",
        "://a:",
        "sk-",
        "password",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "?key=",
        "token",
        "cookie:",
        "authorization: ",
        "api key ",
        "://a:b/",
    ],
)
def test_a_hostile_line_costs_no_more_than_its_length(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        return min(timeit.repeat(lambda: mask(text), number=1, repeat=3))

    ratio = seconds(40_000) / max(seconds(5_000), 1e-4)
    assert ratio < 32  # 8 times the length; a square would be 64


def test_the_installations_own_secrets_are_known_and_stay_known(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masking, "_own", {})
    monkeypatch.setattr(masking, "_known", {})
    monkeypatch.setattr(masking, "MOST_KNOWN", 3)
    settings.SECRET_KEY, settings.AUDIT_KEY = "canary-secret", "canary-audit"
    settings.SECRET_STORE_KEYS = ["canary-store-1", "canary-store-2"]
    monkeypatch.setitem(settings.DATABASES["default"], "PASSWORD", "canary-database")
    settings.REDIS_URL = "redis://:canary%2Fredis@127.0.0.1:6379/0"

    remember_own()
    for number in range(9):
        remember(f"another-{number}")

    written = " ".join([*own_secrets()])
    assert "canary" in written
    assert "canary" not in mask(written)


def test_the_start_tells_the_mask_its_own_secrets() -> None:
    assert django_settings.AUDIT_KEY not in mask(f"the key is {django_settings.AUDIT_KEY}")


def test_a_key_of_the_stores_file_is_known_once_it_is_read(tmp_path: Path, settings: Any) -> None:
    settings.SECRET_STORE_KEYS, settings.VAR_DIR = [], tmp_path
    store._keys_of_file.cache_clear()

    [key] = store._keys()
    store._keys_of_file.cache_clear()

    assert mask(f"key {key}") == f"key {DOTS}"
