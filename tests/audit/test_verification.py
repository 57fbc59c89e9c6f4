from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from audit import append_only, chain, verification
from audit import services as audit
from audit.models import AuditDetail, AuditEvent, AuditStream
from audit.verification import verify_stream
from core.ids import uuid7

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(alice: User) -> str:
    """Five entries, in a database whose triggers were taken away, as an intruder would."""
    append_only.remove(connection)
    for number in range(1, 6):
        audit.record("thing.made", target=f"thing:{number}", by=alice, after={"number": number})
    return str(alice.pk)


def entry(seq: int) -> Any:
    return AuditEvent.objects.filter(seq=seq)


def test_an_untouched_log_is_in_order(log: str) -> None:
    report = verify_stream(log)

    assert (report.entries, report.finding) == (5, None)


@pytest.mark.parametrize("seq", [1, 3, 5])
@pytest.mark.parametrize(
    "edit",
    [
        {"at": timezone.now()},
        {"actor_id": None},
        {"actor_id": uuid4()},
        {"action": "thing.unmade"},
        {"target": "thing:9"},
        {"ip": "10.0.0.1"},
        {"request_id": "x"},
        {"text": "{}"},
        {"text": "no json"},
        {"hash": "0" * 64},
        {"hash": "ü"},
        {"seq": 77},
        {"stream": "system"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_every_edit_of_a_row_is_found(log: str, seq: int, edit: dict[str, Any]) -> None:
    entry(seq).update(**edit)

    assert any(report.finding for report in verification.verify())


def test_an_edit_is_named_with_its_column_and_place(log: str) -> None:
    entry(3).update(action="thing.unmade")
    entry(4).update(action="thing.unmade")

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq, finding.says) == (
        "edited",
        3,
        "Edited after it was signed: action.",
    )


def test_a_text_signed_with_another_key_is_found(log: str, settings: Any) -> None:
    text = entry(3).get().text.replace("thing.made", "thing.unmade")
    real, settings.AUDIT_KEY = settings.AUDIT_KEY, "another"
    entry(3).update(action="thing.unmade", text=text, hash=chain.sign(text))
    settings.AUDIT_KEY = real

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("forged", 3)


@pytest.mark.parametrize(("seq", "kind"), [(1, "missing"), (3, "missing"), (5, "missing")])
def test_every_delete_is_found(log: str, seq: int, kind: str) -> None:
    AuditDetail.objects.filter(event__seq=seq).delete()
    entry(seq).delete()

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == (kind, seq)


def test_an_insert_is_found(log: str) -> None:
    forged = entry(5).get()
    text = canonical_like(forged, seq=6, prev=forged.hash)
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                id=uuid7(),
                stream=log,
                seq=6,
                at=forged.at,
                actor_id=forged.actor_id,
                action=forged.action,
                target=forged.target,
                text=text,
                hash=chain.digest(text),
            )
        ]
    )

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("forged", 6)


def canonical_like(event: AuditEvent, **changes: Any) -> str:
    return chain.canonical({**json.loads(event.text), **changes})


def test_a_copied_entry_is_found(log: str) -> None:
    copy = entry(5).get()
    copy.id, copy.seq = uuid7(), 6
    AuditEvent.objects.bulk_create([copy])

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("moved", 6)


def test_a_reordering_is_found(log: str) -> None:
    entry(2).update(seq=99)
    entry(3).update(seq=2)
    entry(99).update(seq=3)

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("moved", 2)


def test_an_entry_of_another_branch_is_found(log: str, alice: User) -> None:
    """The database was rolled back to an old copy and went on: two entries have one place."""
    kept = entry(5).get()
    AuditDetail.objects.filter(event=kept).delete()
    entry(5).delete()
    AuditStream.objects.update(seq=4, hash=entry(4).get().hash)
    audit.record("thing.other", target="thing:5", by=alice)
    audit.record("thing.other", target="thing:6", by=alice)
    entry(5).delete()
    AuditEvent.objects.bulk_create([kept])

    finding = verify_stream(log).finding

    assert finding is not None
    assert finding.kind in {"moved", "detail"}


def test_an_edited_detail_is_found(log: str) -> None:
    AuditDetail.objects.filter(event__seq=2).update(text='{"after":{"number":9}}')

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("detail", 2)


def test_a_removed_detail_is_found(log: str) -> None:
    AuditDetail.objects.filter(event__seq=2).delete()

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("detail", 2)


def test_an_added_detail_is_found(log: str, alice: User) -> None:
    bare = audit.record("thing.swept", target="thing:1", by=alice)
    AuditDetail.objects.create(event=bare, text="{}")

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("detail", 6)


def test_a_head_that_was_moved_back_is_found(log: str) -> None:
    AuditStream.objects.update(seq=F("seq") - 1)

    finding = verify_stream(log).finding

    assert finding is not None
    assert finding.kind == "head"


def test_a_head_with_another_hash_is_found(log: str) -> None:
    AuditStream.objects.update(hash="0" * 64)

    finding = verify_stream(log).finding

    assert finding is not None
    assert finding.kind == "head"


def test_a_removed_head_is_found(log: str) -> None:
    AuditStream.objects.all().delete()

    findings = [report.finding for report in verification.verify()]

    assert [finding.kind for finding in findings if finding] == ["head"]


def test_an_emptied_stream_is_found(log: str) -> None:
    AuditDetail.objects.all().delete()
    AuditEvent.objects.all().delete()

    finding = verify_stream(log).finding

    assert finding is not None
    assert (finding.kind, finding.seq) == ("missing", 1)


def test_a_log_longer_than_a_batch_is_read_whole(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "BATCH", 2)

    assert verify_stream(log).entries == 5


def test_an_entry_appended_meanwhile_is_no_fault(
    log: str, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = verification._entries

    def grow(stream: str) -> Any:
        audit.record("thing.made", target="thing:6", by=alice)
        yield from entries(stream)

    monkeypatch.setattr(verification, "_entries", grow)

    assert verify_stream(log).finding is None


def test_verify_says_that_all_is_well(alice: User, capsys: pytest.CaptureFixture[str]) -> None:
    append_only.install(connection)
    audit.record("thing.made", target="thing:1", by=alice)

    call_command("audit", "verify", "--json")

    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert told["streams"] == [{"stream": str(alice.pk), "entries": 1, "finding": None}]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_verify_refuses_a_stream_that_there_is_not(log: str, options: list[str]) -> None:
    with pytest.raises(CommandError, match="There is no stream “nosuch”"):
        call_command("audit", "verify", "--stream", "nosuch", *options)


def test_verify_fails_and_names_the_entry(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    append_only.install(connection)
    append_only.remove(connection, "update")
    entry(3).update(ip="10.0.0.1")

    with pytest.raises(CommandError, match="1 of 1 streams"):
        call_command("audit", "verify", "--stream", log)

    out = capsys.readouterr().out
    assert f"{log}: entry 3. Edited after it was signed: ip." in out
    assert "trigger refuse_audit_events_update is missing" in out
