from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection

from audit import append_only, verification
from core.commands import Error, HelixCommand


class Command(HelixCommand):
    help = "Check the audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        verify = self.add_verb(
            parser, "verify", self.verify, about="read every chain and name the first bad entry"
        )
        verify.add_argument("--stream", default="", help="only this one: an owner's id, or system")

    def verify(self, *, stream: str, **options: Any) -> None:
        reports = list[dict[str, Any]]()
        lines = list[str]()
        for report in verification.verify(stream):
            if stream and not report.entries and report.finding is None:
                raise Error(
                    f"There is no stream “{stream}”: no head and no entry. Give --stream a user's"
                    " id or system; without it, all are read."
                )
            reports.append(asdict(report))
            if report.finding is None:
                lines.append(f"{report.stream}: {report.entries} entries, all as written.")
            else:
                lines.append(f"{report.stream}: entry {report.finding.seq}. {report.finding.says}")
        missing = sorted(
            set(append_only.expected(connection)) - set(append_only.installed(connection))
        )
        lines += [
            f"The database does not refuse changes: trigger {name} is missing." for name in missing
        ]
        bad = sum(report["finding"] is not None for report in reports)
        data = {"ok": not bad and not missing, "streams": reports, "missing_triggers": missing}
        self.emit(data, "\n".join(lines) or "The audit log is empty.")
        if bad or missing:
            raise Error(f"{bad} of {len(reports)} streams are not as they were written.")
