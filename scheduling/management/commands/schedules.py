from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone

from accounts.models import validate_zone
from accounts.services import find_user
from core import exporting
from core.commands import HelixCommand, read_json
from core.errors import DomainError
from scheduling import cadence, exports, services, wording
from scheduling.cadence import InvalidCron
from scheduling.filters import ExecutionFilter
from scheduling.management import many
from scheduling.models import REPLAY_WINDOW_S, Execution, Schedule

MOST_FIRES = 1_000  # of a preview
NEWEST = 20  # executions shown
MOST = 1_000
GRACE_H = services.GRACE / timedelta(hours=1)
MOST_GRACE_H = services.LONGEST_GRACE // timedelta(hours=1)
SECRET_REF: dict[str, Any] = {
    "default": "",
    "metavar": "REF",
    "help": "a secret of your own, store:NAME, env:NAME or file:NAME; made if left out",
}
FIRST_YEAR, LAST_YEAR = 1970, 2199  # zones have no rules further out


class Command(HelixCommand):
    help = "Create, show, edit, pause, run and preview schedules."

    def add_arguments(self, parser: CommandParser) -> None:
        listed = self.add_verb(parser, "list", self.list, about="List schedules, newest first.")
        listed.add_argument("--user", help="only this user's")

        create = self.add_verb(parser, "create", self.create, about="Create a schedule.")
        create.add_argument("--user", required=True, help="the owner: whose budgets it uses")
        create.add_argument("--type", required=True, choices=Schedule.Type.values)
        create.add_argument("--operation", required=True, help="such as email-classify")
        create.add_argument("--name", default="", help="made up from the operation if left out")
        create.add_argument(
            "--cron", default="", metavar="E", help="five fields, '0 6 * * MON-FRI', or @daily"
        )
        _add_clocks(create, zone_help="IANA name; the user's own if left out")
        create.add_argument(
            "--params", default="{}", metavar="JSON|@FILE|-", help="the operation's parameters"
        )
        create.add_argument("--priority", type=int, default=5, help="1 to 10; 10 runs first")
        create.add_argument(
            "--dialect",
            default="",
            choices=Schedule.Dialect.values,
            help="how a webhook's sender signs; standard if left out",
        )
        create.add_argument("--secret-ref", **SECRET_REF)
        create.add_argument(
            "--replay-window",
            type=int,
            default=REPLAY_WINDOW_S,
            metavar="S",
            help="seconds that the time in a webhook's signature may be off; 300 if left out",
        )

        show = self._add_one(parser, "show", self.show, "Show a schedule and its executions.")
        show.add_argument("--limit", type=int, default=NEWEST, help="executions, newest first")
        executions = self._add_one(
            parser, "executions", self.executions, "List executions, newest first, however many."
        )
        executions.add_argument("--csv", action="store_true", help="print CSV")
        executions.add_argument("--status", default="", choices=[*ExecutionFilter.STATUSES])
        executions.add_argument("--trigger", default="", choices=Execution.Trigger.values)
        for flag, which in (("--from", "first"), ("--to", "last")):
            executions.add_argument(
                flag, default="", metavar="DAY", help=f"{which} day, by the owner's clocks"
            )
        edit = self._add_one(parser, "edit", self.edit, "Change what is given, and nothing else.")
        edit.add_argument("--name")
        edit.add_argument("--cron", dest="expression", metavar="E", help="a new expression")
        edit.add_argument("--zone", metavar="Z", help="IANA name")
        edit.add_argument("--gap", choices=Schedule.Gap.values)
        edit.add_argument("--overlap", choices=Schedule.Overlap.values)
        edit.add_argument("--params", metavar="JSON|@FILE|-", help="in place of those it has")
        edit.add_argument("--priority", type=int, help="1 to 10; 10 runs first")
        pause = self._add_many(parser, "pause", self.pause, "Stop a schedule, and keep why.")
        pause.add_argument("--reason", default="Paused by command.")
        resume = self._add_many(parser, "resume", self.resume, "Let paused ones fire again.")
        for verb in (pause, resume):
            verb.add_argument("--yes", action="store_true", help="with --all: do it")
        self._add_one(parser, "run", self.run, "Start a run by hand, now.")
        rotate = self._add_one(
            parser, "rotate-secret", self.rotate_secret, "Give a webhook a new secret, told once."
        )
        rotate.add_argument(
            "--grace",
            type=float,
            default=GRACE_H,
            metavar="HOURS",
            help="how long the old secret holds beside the new one; 24 if left out, 0 ends it now",
        )
        rotate.add_argument("--secret-ref", **SECRET_REF)
        delete = self._add_many(parser, "delete", self.delete, "Delete or archive a schedule.")
        delete.add_argument(
            "--yes", action="store_true", help="archive it if it has executions; with --all: do it"
        )

        preview = self.add_verb(
            parser, "preview", self.preview, about="Show what an expression says and when it fires."
        )
        preview.add_argument("--cron", required=True, metavar="E")
        _add_clocks(preview, zone_help="IANA name", zone="UTC")
        preview.add_argument(
            "--after", metavar="T", help="ISO 8601; by the zone's clocks unless it has an offset"
        )
        preview.add_argument("--count", type=int, default=6, metavar="N")

    def _add_one(self, parser: CommandParser, name: str, run: Any, about: str) -> CommandParser:
        verb = self.add_verb(parser, name, run, about=about)
        verb.add_argument("id", metavar="ID")
        verb.add_argument("--user", help="only if it is this user's")
        return verb

    def _add_many(self, parser: CommandParser, name: str, run: Any, about: str) -> CommandParser:
        verb = self.add_verb(parser, name, run, about=about)
        verb.add_argument("id", metavar="ID", nargs="?")
        verb.add_argument("--user", help="only this user's")
        many.add_flags(verb)
        return verb

    # --- verbs ------------------------------------------------------------------------------------

    def list(self, *, user: str | None, **_: Any) -> None:
        schedules = Schedule.objects.current().select_related("owner")
        if user:
            schedules = schedules.visible_to(find_user(user))
        rows = list(schedules)
        lines = [_line(row) for row in rows] or ["No schedules yet: `manage.py schedules create`."]
        self.emit([schedule_data(row) for row in rows], "\n".join(lines))

    def create(self, **given: Any) -> None:
        owner = find_user(given["user"])
        try:
            schedule = services.create_schedule(
                owner=owner,
                by=None,
                operation=given["operation"],
                type=given["type"],
                expression=given["cron"],
                zone=given["zone"] or "",
                gap=given["gap"],
                overlap=given["overlap"],
                parameters=read_json("--params", given["params"]),
                name=given["name"],
                priority=given["priority"],
                dialect=given["dialect"],
                secret_ref=given["secret_ref"],
                replay_window_s=given["replay_window"],
            )
        except ValidationError as error:
            raise _by_flag(error) from error
        said = [f"Created {schedule.pk}", _described(schedule), *_told_once(schedule)]
        self.emit(schedule_data(schedule), "\n".join(said))

    def show(self, *, limit: int, **given: Any) -> None:
        schedule = _find(given)
        if not 1 <= limit <= MOST:
            raise DomainError(f"--limit must be from 1 to {MOST:,}.")
        executions = list(schedule.executions.select_related("run")[:limit])
        lines = [_described(schedule), "", "Executions, newest first:"]
        lines += [_execution_line(row, schedule.zone) for row in executions] or ["  none yet"]
        data = schedule_data(schedule) | {
            "executions": [exports.record_of(row) for row in executions]
        }
        self.emit(data, "\n".join(lines))

    def executions(self, *, csv: bool, **given: Any) -> None:
        schedule = _find(given)
        if csv and given.get("json"):
            raise DomainError("Choose --csv or --json: it is printed as one of them.")
        with timezone.override(schedule.owner.zone):
            chosen = ExecutionFilter(given, schedule.executions.all())
        if chosen.problems:
            raise DomainError(
                " ".join(f"--{name}: {problem}" for name, problem in chosen.problems.items())
            )
        if csv or given.get("json"):
            _, write = exporting.WRITERS["csv" if csv else "json"]
            for chunk in write(exports.COLUMNS, exports.pages_of(chosen.found)):
                self.stdout.write(chunk, ending="")
            return
        for page in exports.rows_of(chosen.found):
            for row in page:
                self.stdout.write(_execution_line(row, schedule.zone))

    def edit(self, *, params: str | None, **given: Any) -> None:
        schedule = _find(given)
        changes = {
            field: given[field] for field in services.CHANGEABLE if given.get(field) is not None
        }
        if params is not None:
            changes["parameters"] = read_json("--params", params)
        if not changes:
            raise DomainError(
                "Nothing to change: give --name, --cron, --zone, --params or another."
            )
        try:
            schedule = services.change_schedule(schedule, by=None, **changes)
        except ValidationError as error:
            raise _by_flag(error) from error
        self.emit(schedule_data(schedule), f"Changed {schedule.pk}\n{_described(schedule)}")

    def pause(self, *, reason: str, yes: bool, **given: Any) -> None:
        if many.is_meant(given):
            self._change_many(given, "pause", yes=yes, reason=reason)
            return
        schedule = _find(given)
        schedule = services.pause_schedule(schedule, by=None, reason=reason)
        self.emit(schedule_data(schedule), f"Paused {schedule}: {schedule.pause_reason}")

    def resume(self, *, yes: bool, **given: Any) -> None:
        if many.is_meant(given):
            self._change_many(given, "resume", yes=yes)
            return
        schedule = _find(given)
        schedule = services.resume_schedule(schedule, by=None)
        self.emit(schedule_data(schedule), f"Resumed {schedule}; {_next(schedule)}.")

    def run(self, **given: Any) -> None:
        schedule = _find(given)
        execution = services.run_now(schedule, by=None)
        is_skipped = execution.status == Execution.SKIPPED
        said = "Started no run." if is_skipped else f"Started run {execution.run_id}."
        self.emit(exports.record_of(execution), said)
        if is_skipped:
            raise DomainError(f"Skipped: {execution.reason}")

    def rotate_secret(self, *, grace: float, secret_ref: str, **given: Any) -> None:
        schedule = _find(given)
        if not 0 <= grace <= MOST_GRACE_H:
            raise DomainError(f"--grace must be from 0 to {MOST_GRACE_H} hours.")
        try:
            schedule = services.rotate_webhook_secret(
                schedule, by=None, grace=timedelta(hours=grace), secret_ref=secret_ref
            )
        except ValidationError as error:
            raise _by_flag(error) from error
        until = schedule.old_secret_until
        old = f"the old one holds until {_local(until, schedule.zone)}" if until else "it is gone"
        said = [f"{schedule} has a new secret; {old}.", *_told_once(schedule)]
        self.emit(schedule_data(schedule), "\n".join(said))

    def _change_many(
        self, given: dict[str, Any], name: str, *, yes: bool, reason: str = ""
    ) -> None:
        if not reason.strip() and name == "pause":
            raise DomainError("--reason: say why; it is kept and shown with each.")
        outcome = many.change(given, name, yes=yes, reason=reason)
        self.emit(many.data_of(outcome), many.text_of(outcome, name))
        if not outcome.is_whole:
            raise DomainError("Not all of them: what is told above is as it was.")

    def delete(self, *, yes: bool, **given: Any) -> None:
        if many.is_meant(given):
            self._change_many(given, "delete", yes=yes)
            return
        schedule = _find(given)
        is_gone = services.delete_schedule(schedule, by=None, confirmed=yes)
        done = "deleted" if is_gone else "archived"
        self.emit({"id": given["id"], "outcome": done}, f"{schedule} was {done}.")

    def preview(
        self,
        *,
        cron: str,
        zone: str,
        gap: cadence.Gap,
        overlap: cadence.Overlap,
        after: str | None,
        count: int,
        **_: Any,
    ) -> None:
        if not 1 <= count <= MOST_FIRES:
            raise DomainError(f"--count must be from 1 to {MOST_FIRES:,}.")
        _check_zone(zone)
        start = _moment(after, zone)
        try:
            told = wording.words(cron)
            fires = cadence.upcoming(cron, zone, start, count, gap=gap, overlap=overlap)
        except InvalidCron as refusal:
            raise DomainError(f"--cron: {refusal}") from refusal
        changes = wording.clock_changes(zone, start)
        sentences = [change.words(cron, gap=gap, overlap=overlap) for change in changes]
        data = {
            "words": told,
            "fires": fires,
            "clock_changes": [
                {"at": change.at, "words": sentence}
                for change, sentence in zip(changes, sentences, strict=True)
            ],
        }
        lines = [f"{told}, {zone}", *(f"  {_local(fire, zone)}" for fire in fires), *sentences]
        self.emit(data, "\n".join(lines))


def _add_clocks(parser: CommandParser, *, zone_help: str, zone: str | None = None) -> None:
    parser.add_argument("--zone", default=zone, metavar="Z", help=zone_help)
    parser.add_argument(
        "--gap",
        choices=Schedule.Gap.values,
        default=Schedule.Gap.FIRST_VALID.value,
        help="a fixed time that the clocks leave out: at the first valid moment, or not at all",
    )
    parser.add_argument(
        "--overlap",
        choices=Schedule.Overlap.values,
        default=Schedule.Overlap.FIRST.value,
        help="a fixed time that the clocks show twice: the first time only, or both times",
    )


# --- reading --------------------------------------------------------------------------------------

FLAGS = {
    "expression": "--cron",
    "parameters": "--params",
    "secret_ref": "--secret-ref",
    "replay_window_s": "--replay-window",
}  # others are called as their field is


def _by_flag(error: ValidationError) -> DomainError:
    """Return what `error` says, with the flags of this command for the fields."""
    sentences = [
        f"{FLAGS.get(field, f'--{field}')}: {message}"
        for field, messages in error.message_dict.items()
        for message in messages
    ]
    return DomainError(" ".join(sentences))


def _find(given: dict[str, Any]) -> Schedule:
    """Return the schedule called for; with --user only what they may see.

    Whatever is done to it, the system did it: nobody is signed in to a command.
    """
    schedules = Schedule.objects.select_related("owner")
    if given["user"]:
        schedules = schedules.visible_to(find_user(given["user"]))
    try:
        return schedules.get(pk=UUID(given["id"]))
    except (ValueError, Schedule.DoesNotExist):
        raise DomainError(
            f"There is no schedule “{given['id']}”; `manage.py schedules list` shows their ids."
        ) from None


def _check_zone(zone: str) -> None:
    try:
        validate_zone(zone)
    except ValidationError as error:
        raise DomainError(f"--zone: {error.message}") from error


def _moment(text: str | None, zone: str) -> datetime:
    if text is None:
        return timezone.now()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DomainError("--after must be a moment such as 2026-03-28T12:00.") from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise DomainError(f"--after must lie in the years {FIRST_YEAR} to {LAST_YEAR}.")
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


# --- telling --------------------------------------------------------------------------------------


def schedule_data(schedule: Schedule) -> dict[str, Any]:
    fields = (
        "id name operation type expression zone gap overlap parameters priority enabled "
        "pause_reason next_execution_at last_execution_at execution_count created_at archived_at"
    )
    data = {field: getattr(schedule, field) for field in fields.split()}
    return data | {"owner": schedule.owner.username, "webhook": _webhook_data(schedule)}


def _webhook_data(schedule: Schedule) -> dict[str, Any] | None:
    """Return what a sender needs; the secret only where it was made this moment."""
    if schedule.type != Schedule.Type.WEBHOOK:
        return None
    data = {
        "path": schedule.webhook_path,
        "dialect": schedule.dialect,
        "secret_ref": schedule.secret_ref,
        "secret_fingerprint": schedule.secret_fingerprint,
        "secret_created_at": schedule.secret_created_at,
        "old_secret_until": schedule.old_secret_until,
        "old_secret_used_at": schedule.old_secret_used_at,
        "replay_window_s": schedule.replay_window_s,
    }
    if schedule.new_secret is not None:
        data["secret"] = schedule.new_secret.reveal()
    return data


def _told_once(schedule: Schedule) -> list[str]:
    if schedule.new_secret is None:
        return []
    return [f"  secret, told this once: {schedule.new_secret.reveal()}"]


def _described(schedule: Schedule) -> str:
    lines = [f"{schedule.name} ({schedule.operation}, {schedule.get_type_display()})"]
    if schedule.type == Schedule.Type.CRON:
        lines.append(f"  {schedule.expression}: {wording.words(schedule.expression)}")
    if schedule.type == Schedule.Type.WEBHOOK:
        lines.append(f"  POST {schedule.webhook_path} ({schedule.get_dialect_display()})")
    lines.append(f"  {_next(schedule)}")
    if schedule.last_execution_at:
        last = _local(schedule.last_execution_at, schedule.zone)
        lines.append(f"  last fire {last}; {schedule.execution_count:,} in all")
    return "\n".join(lines)


def _next(schedule: Schedule) -> str:
    if schedule.is_archived:
        return "archived"
    if not schedule.enabled:
        return f"paused: {schedule.pause_reason}"
    if schedule.type == Schedule.Type.WEBHOOK:
        return "fires by webhook"
    if schedule.next_execution_at is None:
        return "fires by hand only"
    return f"next fire {_local(schedule.next_execution_at, schedule.zone)}"


def _line(schedule: Schedule) -> str:
    return f"{schedule.pk}  {schedule.owner.username:<12} {schedule.name:<40} {_next(schedule)}"


def _execution_line(execution: Execution, zone: str) -> str:
    expected = _local(execution.expected_at, zone)
    line = (
        f"  {expected}  {execution.status:<9} {execution.triggered_by:<8} {execution.run_id or ''}"
    )
    return f"{line} {execution.why}".rstrip()


def _local(moment: datetime, zone: str) -> str:
    local = moment.astimezone(ZoneInfo(zone)) if zone else moment.astimezone(UTC)
    return f"{local:%a %Y-%m-%d %H:%M} {zone} ({local:%z})"
