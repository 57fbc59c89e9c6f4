"""Each dialect against what its makers publish, and against what does not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.secrets import Secret
from scheduling.webhooks import github, plain, standard, stripe
from scheduling.webhooks.signing import DIALECTS, sign
from scheduling.webhooks.verdicts import BadSecret, Problem

WINDOW = timedelta(minutes=5)
NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)

# RFC 4231, 4.2 to 4.4, 4.7 and 4.8.
RFC_4231 = [
    (
        b"\x0b" * 20,
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 20,
        b"\xdd" * 50,
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@pytest.mark.parametrize(("key", "body", "signature"), RFC_4231)
def test_hex_is_the_hmac_of_rfc_4231(key: bytes, body: bytes, signature: str) -> None:
    headers = {"x-webhook-signature": signature}

    assert plain.verify(headers, body, [key], NOW, WINDOW).problem is None
    assert plain.verify(headers, body + b" ", [key], NOW, WINDOW).problem is Problem.BAD_SIGNATURE


def test_github_documents_this_example() -> None:
    key = github.key_of(Secret("It's a Secret to Everybody"))
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"x-hub-signature-256": signature, "x-github-delivery": "72d3162e"}

    verdict = github.verify(headers, b"Hello, World!", [key], NOW, WINDOW)

    assert (verdict.problem, verdict.message_id) == (None, "72d3162e")


STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_AT = datetime.fromtimestamp(1614265330, UTC)
STANDARD_SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]


@pytest.mark.parametrize("secret", STANDARD_SECRETS)
def test_standard_webhooks_publishes_this_vector(secret: str) -> None:
    key = standard.key_of(Secret(secret))

    verdict = standard.verify(STANDARD, STANDARD_BODY, [key], STANDARD_AT, WINDOW)

    assert verdict.problem is None
    assert verdict.message_id == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert verdict.sent_at == STANDARD_AT


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"webhook-signature": ""}, Problem.UNSIGNED),
        ({"webhook-id": ""}, Problem.UNSIGNED),
        ({"webhook-timestamp": ""}, Problem.BAD_SIGNATURE),
        ({"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"}, Problem.BAD_SIGNATURE),
        ({"webhook-timestamp": "9" * 30}, Problem.BAD_SIGNATURE),
        ({"webhook-timestamp": "1614265331"}, Problem.BAD_SIGNATURE),
        ({"webhook-id": "msg_other"}, Problem.BAD_SIGNATURE),
        ({"webhook-signature": "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}, "bad_signature"),
        ({"webhook-signature": "v1,é\udcff v1,"}, Problem.BAD_SIGNATURE),
        ({"webhook-signature": "v1a,AAAA " + STANDARD["webhook-signature"]}, None),
        ({"webhook-signature": "v1,AAAA " + STANDARD["webhook-signature"]}, None),
    ],
)
def test_standard_webhooks_with_odd_headers(changes: dict[str, str], problem: str | None) -> None:
    key = standard.key_of(Secret(STANDARD_SECRETS[0]))

    verdict = standard.verify(STANDARD | changes, STANDARD_BODY, [key], STANDARD_AT, WINDOW)

    assert verdict.problem == problem


@pytest.mark.parametrize("secret", ["whsec_", "whsec_abc", "whsec_!!!!", "", "whsec_AAAA"])
def test_a_secret_that_is_none_of_standard_webhooks_is_refused(secret: str) -> None:
    with pytest.raises(BadSecret):
        standard.key_of(Secret(secret))


@pytest.mark.parametrize(
    ("signature", "problem"),
    [
        ("t={t},v1={good}", None),
        ("t={t},v1={bad},v1={good},v0=6ffb", None),
        ("t={t}, v1={good}", None),
        ("t={t},v0={good}", Problem.BAD_SIGNATURE),
        ("t={t},v1={bad}", Problem.BAD_SIGNATURE),
        ("t={t},t={t},v1={good}", Problem.BAD_SIGNATURE),
        ("v1={good}", Problem.BAD_SIGNATURE),
        ("t=,v1={good}", Problem.BAD_SIGNATURE),
        (",,,===", Problem.BAD_SIGNATURE),
        ("", Problem.UNSIGNED),
    ],
)
def test_stripe_signs_time_and_body(signature: str, problem: Problem | None) -> None:
    body = b'{"id": "evt_1", "object": "event"}'
    signed = stripe.sign(b"whsec_0123456789abcdef", body, NOW, "")["Stripe-Signature"]
    good = signed.partition("v1=")[2]
    given = signature.format(t=int(NOW.timestamp()), good=good, bad="0" * 64)

    verdict = stripe.verify(
        {"stripe-signature": given}, body, [b"whsec_0123456789abcdef"], NOW, WINDOW
    )

    assert verdict.problem == problem


@pytest.mark.parametrize("dialect", ["standard", "stripe"])
@pytest.mark.parametrize(
    ("late", "problem"),
    [
        (timedelta(minutes=5), None),
        (timedelta(minutes=5, seconds=1), Problem.STALE),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=-5, seconds=-1), Problem.STALE),
    ],
)
def test_what_was_signed_outside_the_window_is_stale(
    dialect: str, late: timedelta, problem: Problem | None
) -> None:
    chosen = DIALECTS[dialect]
    key = chosen.key_of(chosen.new_secret())
    headers = {name.lower(): text for name, text in chosen.sign(key, b"{}", NOW, "m").items()}

    assert chosen.verify(headers, b"{}", [key], NOW + late, WINDOW).problem is problem


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_the_verdict_names_the_secret_that_was_used(name: str) -> None:
    dialect = DIALECTS[name]
    new, old = dialect.new_secret(), dialect.new_secret()
    headers = {key.lower(): text for key, text in sign(name, old, b"{}", NOW, "m").items()}

    verdict = dialect.verify(
        headers, b"{}", [dialect.key_of(new), dialect.key_of(old)], NOW, WINDOW
    )

    assert (verdict.problem, verdict.secret) == (None, 1)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_thousand_signatures_are_not_all_compared(name: str) -> None:
    dialect = DIALECTS[name]
    key = dialect.key_of(dialect.new_secret())
    many = {
        "webhook-id": "m",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": "v1,AAAA " * 1_000,
        "x-webhook-signature": "a" * 8_000,
        "x-hub-signature-256": "sha256=" + "a" * 8_000,
        "stripe-signature": f"t={int(NOW.timestamp())}" + ",v1=aaaa" * 1_000,
    }

    assert dialect.verify(many, b"{}", [key], NOW, WINDOW).problem is Problem.BAD_SIGNATURE
