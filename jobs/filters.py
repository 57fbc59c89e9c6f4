from __future__ import annotations

from collections.abc import Sequence

from django.http import QueryDict
from django.utils.http import urlencode

from core.pagination import KeyPage, paginate
from jobs import registry
from jobs.models import JobRun, JobRunQuerySet


class JobFilter:
    """What the address asks of the list of jobs; words it does not know ask for nothing."""

    def __init__(self, query: QueryDict, jobs: JobRunQuerySet) -> None:
        self.query = query
        self.names = [task.name for task in registry.all_tasks()]
        self.state = _known(query.get("state", ""), JobRun.State.values)
        self.name = _known(query.get("name", ""), self.names)
        if self.state:
            jobs = jobs.filter(state=self.state)
        if self.name:
            jobs = jobs.filter(name=self.name)
        self._jobs = jobs

    @property
    def page(self) -> KeyPage[JobRun]:
        return paginate(self._jobs, cursor=self.query.get("cursor", ""))

    @property
    def is_on(self) -> bool:
        return bool(self.state or self.name)

    @property
    def is_live(self) -> bool:
        """Tell whether the newest jobs are shown: older ones stay as they are."""
        return not self.query.get("cursor")

    @property
    def live_query(self) -> str:
        """Return what is asked for, and nothing else: the name of a live part has a longest."""
        asked = {"state": self.state, "name": self.name}
        return urlencode({name: value for name, value in asked.items() if value})

    def choices(self, *, queued: int, running: int) -> list[tuple[str, str, int | None]]:
        """Return the states to choose from; what is over is not counted, it may be much."""
        counts = {JobRun.State.QUEUED: queued, JobRun.State.RUNNING: running}
        states = [(state.value, state.label, counts.get(state)) for state in JobRun.State]
        return [("", "All", None), *states]


def _known(value: str, among: Sequence[str]) -> str:
    return value if value in among else ""
