from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pytest
from django.conf import settings

from core.logs import JsonLines, Lines, MaskSecrets
from core.secrets import Secret

CANARY = "canary-0818-value"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def logger(stream: io.StringIO, formatter: logging.Formatter | None = None) -> logging.Logger:
    log = logging.Logger("test")  # noqa: LOG001 - one that no other test knows
    handler = logging.StreamHandler(stream)
    handler.addFilter(MaskSecrets())
    handler.setFormatter(formatter or Lines())
    log.addHandler(handler)
    return log


def fail(value: str) -> None:
    raise RuntimeError(f"the provider said: wrong key {value}")


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()])
def test_no_part_of_a_record_shows_a_secret(
    stream: io.StringIO, formatter: logging.Formatter
) -> None:
    secret = Secret(CANARY)
    log = logger(stream, formatter)

    log.info("password=%s and %s", CANARY, secret)
    log.info({"api_key": CANARY})
    try:
        fail(CANARY)
    except RuntimeError:
        log.exception("Failed with %s", CANARY, stack_info=True)

    assert CANARY not in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()


def test_a_line_has_moment_level_and_logger(stream: io.StringIO) -> None:
    logger(stream).warning("Slow: %s ms", 340)

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING test Slow: 340 ms\n", stream.getvalue()
    )


def test_a_json_line_is_one_object(stream: io.StringIO) -> None:
    logger(stream, JsonLines()).warning("Two\nlines")

    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "test", "Two\nlines")


@pytest.mark.parametrize("formatter", [Lines(), JsonLines()])
def test_a_stack_that_was_asked_for_is_written_and_masked(
    stream: io.StringIO, formatter: logging.Formatter
) -> None:
    logger(stream, formatter).warning("How did we get here?", stack_info=True)

    assert "test_a_stack_that_was_asked_for" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1 or isinstance(formatter, Lines)


def test_arguments_that_do_not_fit_are_still_masked(stream: io.StringIO) -> None:
    logger(stream).info("%s %s", f"password={CANARY}")

    assert CANARY not in stream.getvalue()


def test_every_handler_of_ours_masks() -> None:
    logging_settings: dict[str, Any] = settings.LOGGING
    handlers = logging_settings["handlers"].values()

    assert all("mask_secrets" in handler["filters"] for handler in handlers)
    assert all(not logger["handlers"] for logger in logging_settings["loggers"].values())


def test_a_refused_request_is_one_line_and_a_fault_is_told_whole() -> None:
    import sys

    from core.logs import OneLineRefusals

    def record(status: int) -> logging.LogRecord:
        try:
            raise PermissionError("no")
        except PermissionError:
            made = logging.LogRecord("django.request", 30, "", 0, "x", None, sys.exc_info())
        made.status_code = status
        OneLineRefusals().filter(made)
        return made

    assert record(403).exc_info is None
    assert record(500).exc_info is not None
