"""Where providers' keys are. Rows name them; only an adapter about to call reads one."""

from __future__ import annotations

from dataclasses import dataclass

from core.secrets.masking import remember
from core.secrets.references import BadReference, SecretUnavailable, get
from core.secrets.secret import Secret


@dataclass(frozen=True, slots=True)
class Look:
    """What a reference leads to. `is_absent`: nobody set a key; else why it is out of reach."""

    key: Secret | None
    reason: str = ""
    is_absent: bool = False


def look(key_ref: str) -> Look:
    """Look for the key that `key_ref` names; one that is found is masked from now on.

    A variable that is not set is an absent key: that is how most providers stay unconfigured. The
    other references were set by somebody, so a key that is not there is a fault.
    """
    if not key_ref:
        return Look(None, "no reference to a key is set.", is_absent=True)
    try:
        key = get(key_ref, None)
    except BadReference as error:
        return Look(None, str(error))
    except SecretUnavailable as error:
        return Look(None, str(error), is_absent=key_ref.startswith("env:"))
    remember(key.reveal())
    return Look(key)
