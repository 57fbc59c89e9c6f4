from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from core.commands import HelixCommand
from core.errors import DomainError
from core.secrets import mask
from providers import catalogue, checks, keys, services
from providers.catalogue import Catalogue, ProviderInfo

UNLIMITED = "none"


class Command(HelixCommand):
    help = "List the providers of models, check that they answer, or set limits for them."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_verb(parser, "list", self.list, about="Show providers, their models and limits.")
        check = self.add_verb(
            parser,
            "check",
            self.check_answers,
            about="Make one tiny real call to each configured provider; exit code 1 if one fails.",
        )
        check.add_argument("names", nargs="*", metavar="NAME", help="only these")
        setting = self.add_verb(
            parser,
            "set",
            self.set,
            about="Set how much a minute Helix asks of a provider, or where its key is.",
        )
        setting.add_argument("name", help="a name that `providers list` shows")
        setting.add_argument("--rpm", metavar="N", help="requests a minute, or “none”")
        setting.add_argument("--tpm", metavar="N", help="tokens a minute, or “none”")
        setting.add_argument(
            "--key-ref",
            metavar="REF",
            help="where its key is: store:NAME, env:NAME or file:NAME; never the key itself",
        )

    def list(self, **_: Any) -> None:
        catalogue.invalidate()
        found = catalogue.snapshot()
        lines = []
        for provider in found.providers.values():
            lines.append(f"{provider.name:<12} {_state(provider):<16} {_limits(provider)}".rstrip())
            lines += [
                f"    {model.name:<28} {model.tier:<8} {'retired' if model.is_retired else ''}"
                f"{'' if model.card else 'price unknown'}".rstrip()
                for model in found.models.values()
                if model.provider == provider.name
            ]
        self.emit([_as_data(found, each) for each in found.providers.values()], "\n".join(lines))

    def check_answers(self, *, names: Sequence[str], **_: Any) -> None:
        catalogue.invalidate()
        results = checks.check_providers(catalogue.snapshot(), names)
        lines = [
            f"{each.provider:<12} ok       {each.latency_ms} ms  {each.model}"
            if each.is_ok
            else f"{each.provider:<12} failed   {each.error}"
            for each in results
        ]
        self.emit([asdict(each) | {"is_ok": each.is_ok} for each in results], "\n".join(lines))
        if not all(each.is_ok for each in results):
            sys.exit(1)

    def set(
        self, *, name: str, rpm: str | None, tpm: str | None, key_ref: str | None, **_: Any
    ) -> None:
        if rpm is None and tpm is None and key_ref is None:
            raise DomainError("Give --rpm, --tpm or --key-ref; “none” takes a limit away.")
        provider = services.find_provider(name)
        with transaction.atomic():
            if key_ref is not None:
                services.set_key_ref(name, key_ref=key_ref, by=None)
            if rpm is not None or tpm is not None:
                services.set_limits(
                    name,
                    requests_per_minute=_number("--rpm", rpm, provider.requests_per_minute),
                    tokens_per_minute=_number("--tpm", tpm, provider.tokens_per_minute),
                    by=None,
                )
        found = catalogue.snapshot()
        info = found.providers[name]
        lines = [f"{name}: {_limits(info) or 'no limits of ours'}"]
        if key_ref is not None:
            reason = keys.look(info.key_ref).reason
            lines.append(f"Its key is {info.key_ref}{f', but: {reason}' if reason else '.'}")
        self.emit(_as_data(found, info), "\n".join(lines))


def _number(option: str, text: str | None, present: int | None) -> int | None:
    if text is None:
        return present
    if text.lower() == UNLIMITED:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise DomainError(f"{option} must be a whole number of 1 or more, or “none”, not “{text}”.")
    return int(text)


def _state(provider: ProviderInfo) -> str:
    if provider.is_simulated:
        return "simulated"
    return "configured" if provider.is_configured else "not configured"


def _limits(provider: ProviderInfo) -> str:
    limits = []
    if provider.requests_per_minute is not None:
        limits.append(f"{provider.requests_per_minute} requests a minute")
    if provider.tokens_per_minute is not None:
        limits.append(f"{provider.tokens_per_minute} tokens a minute")
    return ", ".join(limits)


def _as_data(found: Catalogue, provider: ProviderInfo) -> dict[str, Any]:
    return {
        "name": provider.name,
        "label": provider.label,
        "kind": provider.kind,
        "rank": provider.rank,
        "base_url": mask(provider.base_url),  # it may hold user:password@
        "key_ref": provider.key_ref,
        "is_configured": provider.is_configured,
        "missing": provider.missing,
        "is_simulated": provider.is_simulated,
        "requests_per_minute": provider.requests_per_minute,
        "tokens_per_minute": provider.tokens_per_minute,
        "models": [
            {
                "ref": model.ref,
                "label": model.label,
                "tier": model.tier,
                "is_retired": model.is_retired,
                "has_price": model.card is not None,
            }
            for model in found.models.values()
            if model.provider == provider.name
        ],
    }
