from __future__ import annotations

from core.health import Finding, check, ok, warning
from providers import catalogue


@check("providers")
def check_providers() -> Finding:
    providers = catalogue.snapshot().providers.values()
    ready = [provider.label for provider in providers if provider.is_configured]
    vendors = [each for each in providers if each.is_configured and each.kind != "local"]
    says = f"Ready: {', '.join(ready) or 'none'}."
    faulty = [each for each in providers if each.is_faulty]
    if faulty:
        return warning(
            f"{says} Its key cannot be read: {', '.join(each.label for each in faulty)}.",
            mend="Correct the reference (`manage.py providers set NAME --key-ref REF`), or what it"
            " leads to.",
            detail=" ".join(f"{each.label}: {each.missing}" for each in faulty),
        )
    if not vendors:
        mend = "Set an API key (.env.example) for results by a model; rules work without."
        return warning(says, mend=mend)
    return ok(says)
