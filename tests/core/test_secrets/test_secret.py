from __future__ import annotations

import copy
import json
import pickle

import pytest

from core.secrets import DOTS, Secret, fingerprint

CANARY = "canary-0815-value"


@pytest.mark.parametrize(
    "written",
    [
        str(Secret(CANARY)),
        repr(Secret(CANARY)),
        f"{Secret(CANARY)}",
        f"{Secret(CANARY):>40}",
        f"{Secret(CANARY)!r}",
        "%s %r" % (Secret(CANARY), Secret(CANARY)),  # noqa: UP031 - loggers format this way
        repr({"key": [Secret(CANARY)]}),
        json.dumps({"key": Secret(CANARY)}, default=str, ensure_ascii=False),
    ],
)
def test_whoever_writes_a_secret_gets_dots(written: str) -> None:
    assert DOTS in written
    assert CANARY not in written


def test_json_refuses_a_secret() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(CANARY))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_refuses_a_secret(protocol: int) -> None:
    with pytest.raises(TypeError, match="reference"):
        pickle.dumps([Secret(CANARY)], protocol)


def test_a_secret_has_no_attributes_to_dump() -> None:
    with pytest.raises(TypeError):
        vars(Secret(CANARY))


def test_reveal_is_the_way_in() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert copy.deepcopy(Secret(CANARY)).reveal() == CANARY


def test_secrets_compare_by_value_and_do_not_hash() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("another-value")
    assert Secret(CANARY) != CANARY
    with pytest.raises(TypeError):
        hash(Secret(CANARY))


def test_a_fingerprint_depends_on_the_value_and_on_our_key(settings: object) -> None:
    before = fingerprint(Secret(CANARY))

    assert fingerprint(Secret("another-value")) != before
    settings.AUDIT_KEY = "another"  # type: ignore[attr-defined]  # pytest-django's wrapper
    assert fingerprint(Secret(CANARY)) != before
