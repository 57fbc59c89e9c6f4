"""What tests of all pages share: somebody who may open each, and the pages themselves."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from operations.models import Run
from scheduling.models import Schedule
from tests.builders import make_run, make_user
from tests.conftest import signed_in
from tests.interface.pages import visit


@pytest.fixture
def root(db: None) -> User:
    """Return a superuser who has a run in every state, and a schedule that fires."""
    root = make_user("root", role=User.Role.STAFF, is_superuser=True)
    for status in Run.Status.values:
        make_run(root, status=status)
    schedule = Schedule(
        owner=root,
        name="Nightly",
        operation="task-breakdown",
        type="cron",
        expression="0 2 * * *",
        parameters={"title": "Write the report"},
    )
    schedule.plan(timezone.now())
    schedule.save()
    return root


@pytest.fixture
def pages(root: User) -> dict[str, str]:
    return visit(signed_in(root), root)
