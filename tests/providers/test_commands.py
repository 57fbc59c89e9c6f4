from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from audit.models import AuditEvent
from core.secrets import Secret, store
from providers import catalogue, services
from providers.health import check_providers
from providers.models import Provider
from tests.providers.llm_server import VENDORS, llm_server

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in ("ANTHROPIC", "DEEPSEEK", "GEMINI", "OPENAI", "OPENAI_COMPATIBLE"):
        monkeypatch.delenv(f"{vendor}_API_KEY", raising=False)
        monkeypatch.delenv(f"{vendor}_BASE_URL", raising=False)


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def run_json(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_list_shows_providers_and_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-shown-anywhere")

    listed = {each["name"]: each for each in run_json("providers", "list")}

    assert list(listed) == ["anthropic", "deepseek", "gemini", "openai", "compatible", "local"]
    assert listed["openai"]["is_configured"]
    assert not listed["anthropic"]["is_configured"]
    assert listed["local"]["models"][0]["ref"] == "local:rules-1"
    assert "not-to-be-shown" not in run("providers", "list")


def test_check_asks_local_when_nothing_else_is_configured() -> None:
    [check] = run_json("providers", "check")

    assert check["provider"] == "local"
    assert check["is_ok"]


def test_check_asks_every_configured_provider(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.HELIX_SIMULATED_PROVIDER = "1"
    monkeypatch.setenv("OPENAI_COMPATIBLE_MODEL", "qwen3:8b")
    services.sync_catalogue()
    with llm_server() as server:
        server.point(monkeypatch)

        checks = run_json("providers", "check")

        assert len(server.requests()) == len(VENDORS)
    assert {check["provider"] for check in checks} == {*VENDORS, "simulated", "local"}
    assert all(check["is_ok"] for check in checks), checks


def test_check_fails_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with llm_server() as server:
        server.point(monkeypatch)
        server.fail(401, message="This key is not valid.")

        with pytest.raises(SystemExit) as left:
            call_command("providers", "check", "openai", "--json")

    [check] = json.loads(capsys.readouterr().out)
    assert left.value.code == 1
    assert not check["is_ok"]
    assert check["error"] == "key_refused: 401: This key is not valid."


def test_check_of_an_unconfigured_provider_says_what_to_set(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        call_command("providers", "check", "gemini")

    assert "set env:GEMINI_API_KEY" in capsys.readouterr().out


def test_check_says_why_a_key_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    Provider.objects.filter(name="openai").update(key_ref="store:openai")

    with pytest.raises(SystemExit):
        call_command("providers", "check", "openai")

    assert "There is no stored secret “openai”" in capsys.readouterr().out


def test_doctor_warns_of_a_key_that_cannot_be_read_and_says_why() -> None:
    assert check_providers().mend.startswith("Set an API key")
    Provider.objects.filter(name="openai").update(key_ref="env:PATH")
    catalogue.invalidate()

    found = check_providers()

    assert found.level == "warning"
    assert "OpenAI" in found.says
    assert "PATH" not in found.says  # anyone may read it
    assert "PATH is not among those that HELIX_SECRET_ENV_ALLOW names" in found.detail


def test_a_key_reference_is_set_and_audited() -> None:
    store.put("openai", Secret("sk-kept-in-the-store"), owner=None, by=None)

    changed = run_json("providers", "set", "openai", "--key-ref", "store:openai")

    assert changed["key_ref"] == "store:openai"
    assert changed["is_configured"]
    assert changed["requests_per_minute"] is None
    event = AuditEvent.objects.get(action="provider.key_ref_set")
    assert event.detail is not None
    assert "env:OPENAI_API_KEY" in event.detail.text
    assert "store:openai" in event.detail.text


def test_a_reference_that_leads_nowhere_yet_is_set_and_said() -> None:
    told = run("providers", "set", "openai", "--key-ref", "store:openai")

    assert "Its key is store:openai, but: There is no stored secret “openai”" in told


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("openai", "sk-the-key-itself"),
        ("openai", "env:PATH"),
        ("openai", ""),
        ("local", "env:OPENAI_API_KEY"),
    ],
)
def test_what_is_no_reference_is_refused_and_changes_nothing(name: str, ref: str) -> None:
    before = Provider.objects.get(name=name).key_ref

    with pytest.raises(CommandError) as refusal:
        run("providers", "set", name, f"--key-ref={ref}", "--rpm=5")

    assert "sk-the-key-itself" not in str(refusal.value)
    row = Provider.objects.get(name=name)
    assert (row.key_ref, row.requests_per_minute) == (before, None)
    assert not AuditEvent.objects.filter(action__startswith="provider.").exists()


def test_a_password_in_an_address_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://ann:hunter22@llm.example/v1")

    listed = {each["name"]: each for each in run_json("providers", "list")}

    assert "hunter22" not in str(listed)
    assert "llm.example" in listed["openai"]["base_url"]


def test_check_of_an_unknown_provider_is_refused() -> None:
    with pytest.raises(CommandError, match="no provider “nope”"):
        run("providers", "check", "nope")


def test_set_changes_one_limit_and_keeps_the_other() -> None:
    run("providers", "set", "openai", "--rpm", "60", "--tpm", "90000")

    changed = run_json("providers", "set", "openai", "--rpm", "none")

    assert changed["requests_per_minute"] is None
    assert changed["tokens_per_minute"] == 90_000
    assert AuditEvent.objects.filter(action="provider.limits_set", actor=None).count() == 2


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--rpm", "0"], "1 or more"),
        (["--rpm", "-1"], "--rpm must be a whole number"),
        (["--tpm", "many"], "--tpm must be a whole number"),
        ([], "--rpm, --tpm or --key-ref"),
    ],
)
def test_set_refuses_what_is_no_limit(words: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        run("providers", "set", "openai", *words)

    assert Provider.objects.get(name="openai").requests_per_minute is None


def test_prices_are_listed_with_their_exceptions() -> None:
    text = run("prices", "list")

    assert "anthropic:claude-haiku-5-5" in text
    assert "above 100,000 tokens" in text
    assert "01:00-04:00 and 06:00-10:00 UTC on working days" in text


def test_all_prices_include_coming_ones() -> None:
    now = [each["model"] for each in run_json("prices", "list")]
    every = [each["model"] for each in run_json("prices", "list", "--all")]

    assert now.count("gemini:gemini-3.8-flash") == 1
    assert every.count("gemini:gemini-3.8-flash") == 2


def test_a_model_without_a_price_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE_MODEL", "qwen3:8b")
    services.sync_catalogue()

    [unpriced] = [each for each in run_json("prices", "list") if each["rates"] is None]

    assert unpriced["model"] == "compatible:qwen3:8b"


def test_a_price_can_be_set_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE_MODEL", "qwen3:8b")
    services.sync_catalogue()

    run("prices", "set", "compatible:qwen3:8b", "--input", "0", "--output", "0.5")

    card = catalogue.snapshot().models["compatible:qwen3:8b"].card
    assert card is not None
    assert str(card.ceiling_usd(0, 1_000_000)) == "0.500000000"


@pytest.mark.parametrize("amount", ["free", "-1", "NaN", "Infinity", "1e9"])
def test_a_price_that_is_none_is_refused(amount: str) -> None:
    with pytest.raises(CommandError, match="--input must be USD per million tokens"):
        run("prices", "set", "openai:gpt-6-luna", f"--input={amount}", "--output=1")


def test_a_snapshot_says_what_it_read() -> None:
    said = run_json("prices", "snapshot")

    assert said["source"].startswith("genai-prices ")
    assert said["added"] == []
