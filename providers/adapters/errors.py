"""What a vendor's error means to the router. Imports the SDK layer: only `remote` may import it."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_ai import exceptions as vendor

from providers import protocol
from providers.protocol import ProviderError

# The first class that fits is taken, so subclasses stand before their bases.
_MEANINGS: tuple[tuple[type[Exception], type[ProviderError]], ...] = (
    (vendor.ModelRateLimitError, protocol.RateLimited),
    (vendor.ModelQuotaExceededError, protocol.QuotaExhausted),
    (vendor.ModelUnavailableError, protocol.Unavailable),
    (vendor.ModelServerError, protocol.Unavailable),
    (vendor.ModelAuthenticationError, protocol.KeyRefused),
    (vendor.ModelNotFoundError, protocol.ModelNotFound),
    (vendor.ModelRequestRejectedError, protocol.RequestRefused),
    (vendor.ContentFilterError, protocol.RequestRefused),
    (vendor.UserError, protocol.RequestRefused),  # the model cannot do what we ask of all
    (vendor.ModelRequestTimeout, protocol.TimedOut),
    (vendor.ModelTimeoutError, protocol.TimedOut),
    (vendor.ModelConnectionError, protocol.ConnectionLost),
)
_NEVER_SENT = ("pool", "connect")
_COME_BACK_LATER = (408, 409, 425)


def as_provider_error(error: Exception, *, excerpt: Callable[[str], str]) -> ProviderError:
    """Return what `error` means, its text shortened and scrubbed by `excerpt`."""
    status = getattr(error, "status_code", None)
    return _meaning(error, status)(
        excerpt(_words(error)),
        retry_after_s=getattr(error, "retry_after", None),
        status=status,
    )


def _meaning(error: Exception, status: int | None) -> type[ProviderError]:
    if isinstance(error, vendor.ModelConnectionError) and error.phase in _NEVER_SENT:
        return protocol.Unavailable
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning
    if status in _COME_BACK_LATER:
        return protocol.Unavailable
    if status is not None:
        return protocol.RequestRefused
    return protocol.Unreadable


def _words(error: Exception) -> str:
    """Return the vendor's own sentence where there is one, with its status."""
    if not isinstance(error, vendor.ModelHTTPError):
        return str(error) or type(error).__name__
    said = error.body
    while isinstance(said, dict):
        said = said.get("error") or said.get("message")
    return f"{error.status_code}: {said}" if said else f"{error.status_code}"
