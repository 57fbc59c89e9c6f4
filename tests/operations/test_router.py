from __future__ import annotations

from dataclasses import replace

import pytest

from operations import registry, router
from preferences.services import OperationChoice
from providers.catalogue import Catalogue, ModelInfo, ProviderInfo
from providers.protocol import (
    ConnectionLost,
    InvalidAnswer,
    KeyRefused,
    ProviderError,
    RateLimited,
    RequestRefused,
    TimedOut,
    Unavailable,
)


def provider(name: str, *, is_configured: bool = True) -> ProviderInfo:
    return ProviderInfo(
        name=name,
        label=name.title(),
        kind=name,
        base_url="",
        key_ref="",
        is_configured=is_configured,
        is_simulated=name == "simulated",
        rank=1,
        requests_per_minute=None,
        tokens_per_minute=None,
    )


def model(provider: str, tier: str) -> ModelInfo:
    return ModelInfo(
        ref=f"{provider}:{tier}",
        provider=provider,
        name=tier,
        label=tier,
        tier=tier,
        is_retired=False,
        max_output_tokens=None,
        card=None,
        price_id=None,
    )


def catalogue(*names: str, unconfigured: tuple[str, ...] = ()) -> Catalogue:
    models = [model(name, tier) for name in names for tier in ("cheap", "quality")]
    return Catalogue(
        providers={name: provider(name, is_configured=name not in unconfigured) for name in names},
        models={each.ref: each for each in models},
    )


ALL = catalogue("anthropic", "gemini", "openai", "simulated", "local")
CLASSIFY = registry.get("email-classify")  # of the tier “cheap”
COMPOSE = registry.get("email-compose")  # of the tier “quality”


def refs(operation: registry.Operation, choice: OperationChoice, **more: object) -> list[str]:  # type: ignore[type-arg]
    known = more.pop("catalogue", ALL)
    return [each.ref for each in router.plan_route(operation, choice, known, **more)]  # type: ignore[arg-type]


def test_without_a_choice_the_first_configured_provider_is_asked_and_two_others_stand_by() -> None:
    assert refs(CLASSIFY, OperationChoice()) == ["anthropic:cheap", "gemini:cheap", "openai:cheap"]
    assert refs(COMPOSE, OperationChoice())[0] == "anthropic:quality"


def test_without_any_key_the_rules_answer() -> None:
    none = catalogue("anthropic", "local", unconfigured=("anthropic",))

    assert refs(CLASSIFY, OperationChoice(), catalogue=none)[0].startswith("local:")


def test_the_choice_comes_first_and_its_own_fallbacks_follow_in_order() -> None:
    choice = OperationChoice(model="openai:quality", fallbacks=("gemini:cheap", "anthropic:cheap"))

    assert refs(CLASSIFY, choice) == ["openai:quality", "gemini:cheap", "anthropic:cheap"]


def test_no_fallbacks_means_none() -> None:
    choice = OperationChoice(model="openai:cheap", fallbacks=())

    assert refs(CLASSIFY, choice) == ["openai:cheap"]


def test_a_model_asked_for_by_the_run_goes_before_the_preference() -> None:
    choice = OperationChoice(model="openai:cheap", fallbacks=())

    assert refs(CLASSIFY, choice, requested="gemini:quality") == ["gemini:quality"]


def test_rules_stand_in_only_where_the_owner_allows_it() -> None:
    assert not any(ref.startswith("local") for ref in refs(COMPOSE, OperationChoice()))
    assert refs(COMPOSE, OperationChoice(allow_local=True))[-1].startswith("local:")


@pytest.mark.parametrize("name", ["openai:gone", "nobody:x", "nonsense"])
def test_an_unknown_model_is_refused_by_name(name: str) -> None:
    with pytest.raises(router.NoModel, match=name):
        refs(CLASSIFY, OperationChoice(model=name))


def test_a_chosen_model_whose_provider_has_no_key_is_refused_with_the_mend() -> None:
    keyless = catalogue("openai", "local", unconfigured=("openai",))

    with pytest.raises(router.NoModel, match="Openai has no key"):
        refs(CLASSIFY, OperationChoice(model="openai:cheap"), catalogue=keyless)


ROUTE = [model("openai", "cheap"), model("anthropic", "cheap")]


def after(error: ProviderError, **more: object) -> router.Again | None:
    given: dict[str, object] = {
        "position": 0,
        "tries": {"openai": 1},
        "has_repaired": False,
        "elapsed_s": 1.0,
        "jitter": 0.0,
    }
    return router.after_failure(error, ROUTE, **{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [Unavailable(), ConnectionLost(), RateLimited()])
def test_what_may_pass_is_tried_again_at_the_same_model_after_a_pause(error: ProviderError) -> None:
    step = after(error)

    assert step is not None
    assert (step.position, step.repairs) == (0, False)
    assert 0 < step.pause_s <= router.FIRST_PAUSE_S


def test_pauses_double_and_stay_under_eight_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "TRIES_PER_PROVIDER", 99)
    pauses = [after(Unavailable(), tries={"openai": n}, jitter=1.0) for n in range(1, 9)]

    assert [round(step.pause_s, 1) for step in pauses if step] == [
        *(0.3, 0.6, 1.2, 2.4, 4.8),
        *(8.0, 8.0, 8.0),
    ]


def test_the_third_failure_moves_on_to_the_next_model() -> None:
    assert after(Unavailable(), tries={"openai": 3}) == router.Again(1)


def test_a_time_out_moves_on_at_once() -> None:
    assert after(TimedOut()) == router.Again(1)


def test_a_refused_key_moves_on_at_once() -> None:
    assert after(KeyRefused()) == router.Again(1)


def test_a_refused_request_ends_the_run() -> None:
    assert after(RequestRefused()) is None


def test_retry_after_is_obeyed_up_to_twenty_seconds_and_else_moves_on() -> None:
    soon, late = after(RateLimited(retry_after_s=15)), after(RateLimited(retry_after_s=21))

    assert soon is not None
    assert soon.pause_s >= 15
    assert late == router.Again(1)


def test_an_invalid_answer_is_repaired_once() -> None:
    wrong = InvalidAnswer("no", answer="{}")

    assert after(wrong) == router.Again(0, repairs=True)
    assert after(wrong, has_repaired=True) is None


def test_the_deadline_ends_all_attempts() -> None:
    assert after(Unavailable(), elapsed_s=router.DEADLINE_S) is None


def test_the_end_of_the_route_ends_the_run() -> None:
    spent = {"openai": 3, "anthropic": 3}

    assert after(Unavailable(), position=1, tries=spent) is None


def test_a_route_names_each_model_once() -> None:
    choice = replace(OperationChoice(model="openai:cheap"), fallbacks=("openai:cheap",))

    assert refs(CLASSIFY, choice) == ["openai:cheap"]
