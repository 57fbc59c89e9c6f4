from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.commands import HelixCommand, read_json
from core.errors import DomainError
from jobs import queue, registry, runner, services
from jobs.models import JobRun

NEWEST = 20


class Command(HelixCommand):
    help = "List background jobs, or run one now."

    def add_arguments(self, parser: CommandParser) -> None:
        self.add_verb(
            parser, "list", self.list, about="Show the jobs there are and the newest ones."
        )
        run = self.add_verb(
            parser, "run", self.run, about="Run a job here and now; needs no worker."
        )
        run.add_argument("name", help="a name that `jobs list` shows")
        run.add_argument(
            "--arguments",
            default="{}",
            metavar="JSON",
            help="an object, as the job takes; or @FILE, or -",
        )

    def list(self, **_: Any) -> None:
        intervals = {job.name: job.every for job in registry.all_periodic()}
        newest = list(JobRun.objects.order_by("-id")[:NEWEST])
        tasks = [
            {
                "name": task.name,
                "every_s": int(intervals[task.name].total_seconds())
                if task.name in intervals
                else None,
            }
            for task in registry.all_tasks()
        ]
        moved_at = services.moved_at()
        lines = ["Jobs:"]
        for task in registry.all_tasks():
            every = f"every {intervals[task.name]}" if task.name in intervals else "on demand"
            lines.append(f"  {task.name:<40} {every}")
        lines += [
            "",
            f"Waiting: {queue.queue_depth()}. The queue last moved: {moved_at or 'never'}.",
            "",
        ]
        lines += [
            f"  {job.created_at:%Y-%m-%d %H:%M:%S}  {job.state:<8} {job.name}  {job.error[:100]}"
            for job in newest
        ]
        data = {
            "jobs": tasks,
            "queue_depth": queue.queue_depth(),
            "moved_at": moved_at,
            "newest": [as_data(job) for job in newest],
        }
        self.emit(data, "\n".join(lines).rstrip())

    def run(self, *, name: str, arguments: str, **_: Any) -> None:
        given = read_json("--arguments", arguments)
        if not isinstance(given, dict):
            raise DomainError("--arguments must be a JSON object, such as '{\"days\": 7}'.")
        job = runner.run_now(name, **given)
        if job.state != JobRun.State.SUCCESS:
            raise CommandError(f"{job.name}: {job.error}")
        self.emit(as_data(job), f"{job.name}: done in {job.duration_ms} ms.")


def as_data(job: JobRun) -> dict[str, Any]:
    fields = ("id", "name", "arguments", "state", "progress", "attempts", "error", "duration_ms")
    moments = ("created_at", "started_at", "finished_at", "next_attempt_at")
    return {field: getattr(job, field) for field in (*fields, *moments)}
