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
# What an HTTP client, of either name, says before it sends: by name, as not every SDK has both.
_CLIENTS = ("httpx", "httpx2")
_BEFORE_SENDING: dict[str, type[ProviderError]] = {
    "InvalidURL": protocol.Misconfigured,
    "UnsupportedProtocol": protocol.Misconfigured,
    "LocalProtocolError": protocol.Misconfigured,  # a header that cannot be written
    "ConnectError": protocol.Unavailable,
    "ConnectTimeout": protocol.Unavailable,
    "PoolTimeout": protocol.Unavailable,
}
# A gateway gave up waiting for an answer, so the provider has the request, and may finish it.
_GATEWAY_TIMED_OUT = (504, 524)
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
    if status is None and (unsent := _unsent(error)):
        return unsent
    if status in _GATEWAY_TIMED_OUT:
        return protocol.TimedOut
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning
    if status in _COME_BACK_LATER:
        return protocol.Unavailable
    if status is not None:
        return protocol.RequestRefused
    return protocol.Unreadable


def _unsent(error: BaseException) -> type[ProviderError] | None:
    """Return what it means that the request never left; None where it may have left."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if isinstance(link, UnicodeEncodeError):  # half a character in a text that we were given
            return protocol.RequestRefused
        for kind in type(link).__mro__:
            meaning = _BEFORE_SENDING.get(kind.__name__)
            if meaning is not None and kind.__module__.partition(".")[0] in _CLIENTS:
                return meaning
        link = link.__cause__
    return None


def _words(error: Exception) -> str:
    """Return the vendor's own sentence where there is one, with its status."""
    if not isinstance(error, vendor.ModelHTTPError):
        return str(error) or type(error).__name__
    said = error.body
    while isinstance(said, dict):
        said = said.get("error") or said.get("message")
    return f"{error.status_code}: {said}" if said else f"{error.status_code}"
