"""Each vendor's adapter against llmock, a server that is not ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from pytest_django import Settings

from core.secrets import Secret, store
from providers import protocol
from providers.adapters import open_adapter
from providers.catalogue import ProviderInfo
from providers.protocol import Completion, ProviderError, Repair, Request, Usage
from tests.providers.llm_server import (
    KEY,
    VENDORS,
    LlmServer,
    http,
    llm_server,
    provider_info,
    raw_server,
)

MODELS = {
    "anthropic": "claude-haiku-5-5",
    "deepseek": "deepseek-flash",
    "gemini": "gemini-3.1-flash-lite",
    "openai": "gpt-6-luna",
    "compatible": "qwen3:8b",
}
GOOD = {"category": "urgent", "confidence": 0.9, "reason": "It says so."}


class Verdict(BaseModel):
    category: Literal["urgent", "newsletter"]
    confidence: float = Field(ge=0, le=1)
    reason: str = Field(min_length=1)


def request(vendor: str, **changes: Any) -> Request:
    fields: dict[str, Any] = {
        "operation": "email-classify",
        "model": MODELS[vendor],
        "instructions": "Classify the mail.",
        "prompt": "<mail>The server is down!</mail>",
        "result_type": Verdict,
        "parameters": {},
        "rules": None,
        "max_output_tokens": 321,
        "timeout_s": 20.0,
    }
    return Request(**{**fields, **changes})


def ask(provider: ProviderInfo, *requests: Request) -> list[Completion | ProviderError]:
    """Send `requests` one after the other with one adapter in one event loop."""

    async def talk() -> list[Completion | ProviderError]:
        adapter = open_adapter(provider)
        ends: list[Completion | ProviderError] = []
        try:
            for each in requests:
                try:
                    ends.append(await adapter.complete(each))
                except ProviderError as error:
                    ends.append(error)
        finally:
            await adapter.aclose()
        return ends

    return asyncio.run(talk())


@pytest.fixture(scope="module")
def shared_server() -> Iterator[LlmServer]:
    with llm_server() as server:
        yield server


@pytest.fixture
def server(shared_server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> LlmServer:
    shared_server.reset()
    shared_server.point(monkeypatch)
    return shared_server


every_vendor = pytest.mark.parametrize("vendor", VENDORS)


@every_vendor
def test_an_answer_is_validated_and_comes_with_its_usage(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD)

    [completion] = ask(server.provider(vendor), request(vendor))

    assert isinstance(completion, Completion)
    assert completion.result == GOOD
    assert completion.usage is not None
    assert completion.usage.input_tokens > 0
    assert completion.usage.output_tokens > 0
    assert completion.tier == "standard"
    assert len(server.requests()) == 1


@every_vendor
def test_a_request_sends_its_limit_one_tool_and_no_stream(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD)

    ask(server.provider(vendor), request(vendor))

    [sent] = server.requests()
    text = str(sent.body)
    assert not sent.stream
    assert "321" in text
    assert "Classify the mail." in text
    assert "The server is down!" in text
    assert text.count("newsletter") == 1  # the schema is sent once


@every_vendor
def test_an_invalid_answer_is_mended_by_a_second_request(server: LlmServer, vendor: str) -> None:
    server.answer({**GOOD, "confidence": 7})
    server.answer(GOOD)

    [refused] = ask(server.provider(vendor), request(vendor))
    assert isinstance(refused, protocol.InvalidAnswer)
    repair = Repair(answer=refused.answer, error=str(refused))
    [completion] = ask(server.provider(vendor), request(vendor, repair=repair))

    assert refused.usage is not None
    assert refused.usage.output_tokens > 0
    assert "confidence" in str(refused)
    assert "7" in refused.answer
    assert isinstance(completion, Completion)
    first, second = server.requests()
    assert "confidence: Input should be less than or equal to 1" in str(second.body)
    assert len(str(second.body)) > len(str(first.body))


@every_vendor
def test_arguments_that_are_no_answer_are_an_invalid_answer(server: LlmServer, vendor: str) -> None:
    server.garble()

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.InvalidAnswer)
    assert error.usage is not None


@every_vendor
def test_words_instead_of_the_tool_are_an_invalid_answer(server: LlmServer, vendor: str) -> None:
    server.say("It is urgent, I believe.")

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.InvalidAnswer)
    assert error.answer == "It is urgent, I believe."


@every_vendor
def test_a_cut_answer_says_that_it_was_cut(server: LlmServer, vendor: str) -> None:
    server.say('{"category": "urg', finish_reason="length")

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.InvalidAnswer)
    assert "cut off at 321 tokens" in str(error)


# llmock's Responses API knows no content filter: for OpenAI see the raw server's test.
@pytest.mark.parametrize("vendor", ["anthropic", "gemini", "compatible"])
def test_a_filtered_answer_is_a_refused_request(server: LlmServer, vendor: str) -> None:
    server.say("", finish_reason="content_filter")

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.RequestRefused)


@every_vendor
def test_too_many_requests_are_a_rate_limit_with_its_wait(server: LlmServer, vendor: str) -> None:
    server.fail(429, retry_after=7)

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.RateLimited)
    assert error.retry_after_s == 7
    assert error.status == 429
    assert len(server.requests()) == 1  # nobody below us tries again


@every_vendor
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, protocol.RequestRefused),
        (401, protocol.KeyRefused),
        (403, protocol.KeyRefused),
        (404, protocol.ModelNotFound),
        (422, protocol.RequestRefused),
        (500, protocol.Unavailable),
        (502, protocol.Unavailable),
        (503, protocol.Unavailable),
        (504, protocol.TimedOut),
        (524, protocol.TimedOut),
        (529, protocol.Unavailable),
    ],
)
def test_what_a_status_means(
    server: LlmServer, vendor: str, status: int, kind: type[ProviderError]
) -> None:
    server.fail(status, message=f"Something about {KEY} went wrong.")

    [error] = ask(server.provider(vendor), request(vendor))

    assert type(error) is kind
    assert error.may_have_billed == (status in (504, 524))  # a gateway gave up; the vendor did not
    assert error.status == status
    assert KEY not in str(error)
    assert "went wrong" in str(error)
    assert len(server.requests()) == 1


@pytest.mark.parametrize("vendor", ["openai", "deepseek", "compatible"])
def test_an_account_without_quota_is_not_a_rate_limit(server: LlmServer, vendor: str) -> None:
    server.fail(429, code="insufficient_quota", message="You exceeded your current quota.")

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.QuotaExhausted)


@pytest.mark.parametrize("vendor", ["anthropic", "openai", "deepseek", "compatible"])
def test_an_unpaid_account_has_no_quota(server: LlmServer, vendor: str) -> None:
    server.fail(402)

    [error] = ask(server.provider(vendor), request(vendor))

    assert isinstance(error, protocol.QuotaExhausted)


@every_vendor
def test_no_answer_in_time_is_a_time_out(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD, times=2)
    ask(server.provider(vendor), request(vendor))  # imports the SDK outside the measured call
    server.delay(5)
    begun = time.monotonic()

    [error] = ask(server.provider(vendor), request(vendor, timeout_s=0.3))

    assert isinstance(error, protocol.TimedOut)
    assert error.may_have_billed
    assert time.monotonic() - begun < 3


@every_vendor
def test_a_socket_closed_before_the_answer_is_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch, server: LlmServer, vendor: str
) -> None:
    with raw_server(lambda: None) as closing:
        [error] = ask(provider_info(vendor, closing.url), request(vendor))

    assert isinstance(error, protocol.ConnectionLost)
    assert error.may_have_billed
    assert len(closing.bodies) == 1


@every_vendor
def test_an_answer_that_breaks_off_is_a_lost_connection(server: LlmServer, vendor: str) -> None:
    half = http(200, {"id": "x" * 500})[:-200]
    with raw_server(lambda: half) as breaking:
        [error] = ask(provider_info(vendor, breaking.url), request(vendor))

    assert isinstance(error, protocol.ConnectionLost)
    assert len(breaking.bodies) == 1


@every_vendor
def test_a_server_that_is_not_there_is_unavailable_and_billed_nothing(
    server: LlmServer, vendor: str
) -> None:
    with raw_server(lambda: None) as gone:
        address = gone.url

    [error] = ask(provider_info(vendor, address), request(vendor))

    assert type(error) is protocol.Unavailable
    assert not error.may_have_billed


@every_vendor
def test_a_page_instead_of_an_answer_may_have_been_billed(server: LlmServer, vendor: str) -> None:
    page = http(200, b"<html>A proxy's page</html>").replace(b"application/json", b"text/html")
    with raw_server(lambda: page) as proxy:
        [error] = ask(provider_info(vendor, proxy.url), request(vendor))

    assert type(error) is protocol.Unreadable
    assert error.may_have_billed


@every_vendor
def test_one_client_serves_many_calls_at_once(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD, times=None)

    async def talk() -> list[Completion]:
        adapter = open_adapter(server.provider(vendor))
        try:
            return await asyncio.gather(*(adapter.complete(request(vendor)) for _ in range(20)))
        finally:
            await adapter.aclose()

    completions = asyncio.run(talk())

    assert [completion.result for completion in completions] == [GOOD] * 20
    assert len(server.requests()) == 20


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-5-5"])
def test_a_model_that_refuses_to_be_forced_is_given_the_schema(
    server: LlmServer, model: str
) -> None:
    server.say('{"category": "urgent", "confidence": 1, "reason": "Yes."}')

    [completion] = ask(server.provider("anthropic"), request("anthropic", model=model))

    assert isinstance(completion, Completion)
    [sent] = server.requests()
    assert isinstance(sent.body, dict)
    assert "tool_choice" not in sent.body
    assert sent.body["output_config"]["format"]["type"] == "json_schema"


@pytest.mark.parametrize("vendor", ["anthropic", "gemini", "openai", "deepseek", "compatible"])
def test_a_default_model_is_forced_to_answer(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD)

    ask(server.provider(vendor), request(vendor))

    [sent] = server.requests()
    forced = ("'type': 'any'", "'mode': 'ANY'", "'tool_choice': 'required'")
    assert any(words in str(sent.body) for words in forced)


@pytest.mark.parametrize(
    ("vendor", "words"),
    [
        ("anthropic", "'thinking': {'type': 'disabled'}"),
        ("deepseek", "'effort': 'none'"),
        ("gemini", "'thinking_level': 'MINIMAL'"),
        ("openai", "'effort': 'none'"),
    ],
)
def test_a_cheap_model_is_told_not_to_think(server: LlmServer, vendor: str, words: str) -> None:
    server.answer(GOOD)

    ask(server.provider(vendor), request(vendor))

    [sent] = server.requests()
    assert words in str(sent.body)


WRONG_ADDRESSES = [
    "127.0.0.1:8000",
    "localhost/v1",
    "ftp://127.0.0.1/v1",
    "http://",
    "http://127.0.0.1:99999/v1",
    "http://127.0.0.1:0",
    "http://127.0.0.1:abc",
    "http://[::1/v1",
    "http://127.0.0.1 :8000",
]


@every_vendor
@pytest.mark.parametrize("address", WRONG_ADDRESSES)
def test_a_wrong_address_is_named_and_nothing_is_sent(
    server: LlmServer, vendor: str, address: str
) -> None:
    [error] = ask(provider_info(vendor, address), request(vendor))

    assert type(error) is protocol.Misconfigured
    assert f"{vendor.upper().replace('COMP', 'OPENAI_COMP')}_BASE_URL" in str(error)
    assert not error.may_have_billed
    assert error.try_elsewhere
    assert not any((error.retry_here, error.trips_circuit, error.pauses_key))


def test_a_wrong_address_is_not_repeated_for_it_may_hold_a_password(server: LlmServer) -> None:
    [error] = ask(provider_info("openai", "ftp://ann:hunter22@host/v1"), request("openai"))

    assert "hunter22" not in str(error)


def test_a_compatible_server_without_an_address_is_misconfigured(server: LlmServer) -> None:
    [error] = ask(provider_info("compatible", ""), request("compatible"))

    assert type(error) is protocol.Misconfigured
    assert "OPENAI_COMPATIBLE_BASE_URL is empty" in str(error)


@every_vendor
@pytest.mark.parametrize("key", ["sk-teßt-with-a-letter", "sk-one\nsk-two"])
def test_a_key_that_no_header_can_carry_is_named_and_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, server: LlmServer, vendor: str, key: str
) -> None:
    provider = server.provider(vendor)
    monkeypatch.setenv(provider.key_ref.removeprefix("env:"), key)

    [error] = ask(provider, request(vendor))

    assert type(error) is protocol.Misconfigured
    assert provider.key_ref in str(error)
    assert key not in str(error)
    assert not error.may_have_billed
    assert server.requests() == []


@every_vendor
def test_an_address_that_only_the_client_refuses_is_not_sent_either(
    server: LlmServer, vendor: str
) -> None:
    [error] = ask(provider_info(vendor, f"http://{'a' * 70}.example/v1"), request(vendor))

    assert isinstance(error, (protocol.Misconfigured, protocol.Unavailable))
    assert not error.may_have_billed


# Gemini's SDK escapes what is not ASCII, so it can send it.
@pytest.mark.parametrize("vendor", ["anthropic", "deepseek", "openai", "compatible"])
def test_a_text_that_cannot_be_encoded_is_refused_unsent(server: LlmServer, vendor: str) -> None:
    [error] = ask(server.provider(vendor), request(vendor, prompt="half a character: \ud83d"))

    assert type(error) is protocol.RequestRefused
    assert not error.may_have_billed
    assert server.requests() == []


def test_a_key_out_of_reach_says_why(server: LlmServer, settings: Settings) -> None:
    settings.HELIX_SECRET_ENV_ALLOW = []

    [error] = ask(server.provider("openai"), request("openai"))

    assert isinstance(error, protocol.KeyRefused)
    assert "There is no key" not in str(error)
    assert "OPENAI_API_KEY is not among those that HELIX_SECRET_ENV_ALLOW names" in str(error)


def test_a_key_that_a_compatible_server_wants_is_not_left_out(server: LlmServer) -> None:
    provider = replace(server.provider("compatible"), key_ref="file:no-such-key")

    [error] = ask(provider, request("compatible"))

    assert isinstance(error, protocol.KeyRefused)
    assert "HELIX_SECRET_FILE_ALLOW" in str(error)
    assert server.requests() == []


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch, server: LlmServer) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")

    [error] = ask(server.provider("openai"), request("openai"))

    assert isinstance(error, protocol.KeyRefused)
    assert "env:OPENAI_API_KEY" in str(error)
    assert server.requests() == []


@pytest.mark.django_db(transaction=True)
def test_a_key_may_come_from_the_store(server: LlmServer) -> None:
    store.put("openai", Secret(KEY), owner=None, by=None)
    provider = replace(server.provider("openai"), key_ref="store:openai")
    server.answer(GOOD)

    [completion] = ask(provider, request("openai"))

    assert isinstance(completion, Completion)


def test_a_compatible_server_needs_no_key(
    monkeypatch: pytest.MonkeyPatch, server: LlmServer
) -> None:
    monkeypatch.delenv("OPENAI_COMPATIBLE_API_KEY")
    server.answer(GOOD)

    [completion] = ask(server.provider("compatible"), request("compatible"))

    assert isinstance(completion, Completion)
    [sent] = server.requests()
    assert isinstance(sent.body, dict)
    assert sent.body["max_tokens"] == 321


def test_a_compatible_server_without_tools_may_answer_in_json(server: LlmServer) -> None:
    server.say('{"category": "urgent", "confidence": 1, "reason": "Yes."}')

    [completion] = ask(server.provider("compatible"), request("compatible"))

    assert isinstance(completion, Completion)
    assert completion.result["category"] == "urgent"


@pytest.mark.parametrize(
    ("vendor", "field"), [("openai", "service_tier"), ("gemini", "serviceTier")]
)
def test_flex_is_asked_for_only_when_wanted(server: LlmServer, vendor: str, field: str) -> None:
    server.answer(GOOD, times=2)

    ask(server.provider(vendor), request(vendor), request(vendor, tier="flex"))

    plain, flex = (str(sent.body) for sent in server.requests())
    assert "'flex'" not in plain
    assert f"'{field}': 'flex'" in flex


@pytest.mark.parametrize("vendor", ["anthropic", "deepseek", "compatible"])
def test_vendors_without_flex_are_not_asked_for_it(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD)

    ask(server.provider(vendor), request(vendor, tier="flex"))

    [sent] = server.requests()
    assert "flex" not in str(sent.body)


@pytest.mark.parametrize("vendor", ["openai", "deepseek"])
def test_the_responses_api_is_told_to_store_nothing(server: LlmServer, vendor: str) -> None:
    server.answer(GOOD)

    ask(server.provider(vendor), request(vendor))

    [sent] = server.requests()
    assert sent.path == "/v1/responses"
    assert isinstance(sent.body, dict)
    assert sent.body["store"] is False


# --- what llmock cannot say -----------------------------------------------------------------------
def responses_answer(**changes: Any) -> dict[str, Any]:
    answer = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-6-luna-2026-09-01",
        "output": [
            {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_1",
                "name": "answer",
                "arguments": '{"category": "urgent", "confidence": 1, "reason": "Yes."}',
                "status": "completed",
            }
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "service_tier": "default",
        "usage": {
            "input_tokens": 1000,
            "input_tokens_details": {"cached_tokens": 600},
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 1050,
        },
    }
    return {**answer, **changes}


def test_openai_reports_cached_tokens_and_the_tier_it_served(server: LlmServer) -> None:
    with raw_server(lambda: http(200, responses_answer(service_tier="flex"))) as raw:
        [completion] = ask(provider_info("openai", raw.url), request("openai", tier="flex"))

    assert isinstance(completion, Completion)
    assert completion.usage == Usage(1000, 50, cached_tokens=600)
    assert completion.tier == "flex"
    assert completion.model == "gpt-6-luna-2026-09-01"


def test_flex_that_was_served_as_standard_is_billed_as_standard(server: LlmServer) -> None:
    with raw_server(lambda: http(200, responses_answer(service_tier="default"))) as raw:
        [completion] = ask(provider_info("openai", raw.url), request("openai", tier="flex"))

    assert isinstance(completion, Completion)
    assert completion.tier == "standard"


def test_openai_content_filter_is_a_refused_request(server: LlmServer) -> None:
    filtered = responses_answer(
        status="incomplete", output=[], incomplete_details={"reason": "content_filter"}
    )
    with raw_server(lambda: http(200, filtered)) as raw:
        [error] = ask(provider_info("openai", raw.url), request("openai"))

    assert isinstance(error, protocol.RequestRefused)
    assert error.usage == Usage(1000, 50, cached_tokens=600)


def test_an_answer_without_usage_has_unknown_usage(server: LlmServer) -> None:
    with raw_server(lambda: http(200, responses_answer(usage=None))) as raw:
        [completion] = ask(provider_info("openai", raw.url), request("openai"))

    assert isinstance(completion, Completion)
    assert completion.usage is None


def test_anthropic_counts_cached_tokens_as_part_of_the_input(server: LlmServer) -> None:
    answer = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-5-5",
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "answer", "input": GOOD}],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "cache_read_input_tokens": 700,
            "cache_creation_input_tokens": 200,
            "output_tokens": 30,
        },
    }
    with raw_server(lambda: http(200, answer)) as raw:
        [completion] = ask(provider_info("anthropic", raw.url), request("anthropic"))

    assert isinstance(completion, Completion)
    assert completion.usage == Usage(1000, 30, cached_tokens=700, cache_write_tokens=200)


def test_gemini_counts_thoughts_as_output_and_names_its_tier(server: LlmServer) -> None:
    answer = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"functionCall": {"name": "answer", "args": GOOD}}],
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1000,
            "cachedContentTokenCount": 400,
            "candidatesTokenCount": 30,
            "thoughtsTokenCount": 20,
            "totalTokenCount": 1050,
        },
        "modelVersion": "gemini-3.1-flash-lite",
    }
    with raw_server(lambda: http(200, answer, x_gemini_service_tier="FLEX")) as raw:
        [completion] = ask(provider_info("gemini", raw.url), request("gemini", tier="flex"))

    assert isinstance(completion, Completion)
    assert completion.usage == Usage(1000, 50, cached_tokens=400)
    assert completion.tier == "flex"


@pytest.mark.parametrize("vendor", ["anthropic", "openai"])
def test_retry_after_may_be_a_date(server: LlmServer, vendor: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with raw_server(lambda: http(429, {"error": {}}, Retry_After=date)) as raw:
        [error] = ask(provider_info(vendor, raw.url), request(vendor))

    assert isinstance(error, protocol.RateLimited)
    assert error.retry_after_s is not None
    assert 60 < error.retry_after_s <= 90


def test_gemini_says_the_wait_in_its_body(server: LlmServer) -> None:
    body = {
        "error": {
            "code": 429,
            "status": "RESOURCE_EXHAUSTED",
            "message": "Slow down.",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "14s"}],
        }
    }
    with raw_server(lambda: http(429, body)) as raw:
        [error] = ask(provider_info("gemini", raw.url), request("gemini"))

    assert isinstance(error, protocol.RateLimited)
    assert error.retry_after_s == 14


def test_a_long_error_is_cut(server: LlmServer) -> None:
    server.fail(500, message="word " * 1000)

    [error] = ask(server.provider("openai"), request("openai"))

    assert len(str(error)) == 500
