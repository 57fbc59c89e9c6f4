"""The command with which a webhook is tried from a shell, signed there by openssl."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

SECRET_LINE = "read -rs SECRET"  # noqa: S105  a command: what is typed then is in no history

# Each knows $SECRET and $BODY, and leaves $SIGNATURE; POSIX but for `read -s` above.
_SIGN = {
    "standard": (
        "ID=msg_$(openssl rand -hex 12) TIME=$(date +%s)",
        'KEY=$(printf %s "${SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1'
        ' | tr -d " \\n")',
        'SIGNATURE=$(printf %s "$ID.$TIME.$BODY" |'
        ' openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | openssl base64 -A)',
    ),
    "hex": (
        'SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d" " -f1)',
    ),
    "github": (
        "ID=$(openssl rand -hex 16)",
        'SIGNATURE=$(printf %s "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d" " -f1)',
    ),
    "stripe": (
        "TIME=$(date +%s)",
        'SIGNATURE=$(printf %s "$TIME.$BODY" |'
        ' openssl dgst -sha256 -hmac "$SECRET" -r | cut -d" " -f1)',
    ),
}
_HEADERS = {
    "standard": (
        "webhook-id: $ID",
        "webhook-timestamp: $TIME",
        "webhook-signature: v1,$SIGNATURE",
    ),
    "hex": ("X-Webhook-Signature: $SIGNATURE",),
    "github": ("X-GitHub-Delivery: $ID", "X-Hub-Signature-256: sha256=$SIGNATURE"),
    "stripe": ("Stripe-Signature: t=$TIME,v1=$SIGNATURE",),
}


def command(address: str, dialect: str, body: Mapping[str, Any]) -> str:
    """Return the lines that sign `body` with $SECRET and send it to `address`."""
    headers = [
        f'-H "{header}"' for header in ("Content-Type: application/json", *_HEADERS[dialect])
    ]
    lines = [
        f"BODY={shlex.quote(json.dumps(body, ensure_ascii=False))}",
        *_SIGN[dialect],
        " \\\n  ".join([f"curl -sS {shlex.quote(address)}", *headers, '--data-binary "$BODY"']),
    ]
    return "\n".join(lines)
