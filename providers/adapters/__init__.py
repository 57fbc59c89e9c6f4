"""Where vendors' SDKs are spoken, and nowhere else. They are imported at the first call."""

from __future__ import annotations

from providers.adapters.remote import RemoteAdapter
from providers.adapters.simulated import SimulatedAdapter
from providers.catalogue import ProviderInfo
from providers.local.adapter import LocalAdapter
from providers.protocol import Adapter


def open_adapter(provider: ProviderInfo) -> Adapter:
    """Return an adapter for one event loop; the caller closes it there with `aclose()`.

    Quick and without effect: key, SDK and client come with the first call.
    """
    match provider.kind:
        case "local":
            return LocalAdapter()
        case "simulated":
            return SimulatedAdapter()
    return RemoteAdapter(provider)
