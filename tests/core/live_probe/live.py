"""A live part of the tests' own, for web processes that are started for real."""

from __future__ import annotations

from django.http import QueryDict

from accounts.models import User
from core import live
from operations.models import Run


@live.region("probe", watch="ledger")
def render_probe(user: User, query: QueryDict) -> str:
    runs = Run.objects.visible_to(user)
    return f'<p id="probe" data-live="probe">{user.username}: {runs.count()} runs</p>'
