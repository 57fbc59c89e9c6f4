"""Jobs in the admin, to be read only. django-q2's own tables are not offered there.

Its `Schedule` page would let staff call any function by its name, and one broken row stops them
all; what else it keeps, `JobRun` says better.
"""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

from core.modeladmin import ReadOnlyAdmin
from jobs.models import JobRun, JobStamp

admin.site.unregister([Failure, OrmQ, Schedule, Success])


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ("name", "state", "progress", "attempts", "created_at", "duration_ms")
    list_filter = ("state", "name")
    search_fields = ("name", "error")
    show_full_result_count = False


@admin.register(JobStamp)
class JobStampAdmin(ReadOnlyAdmin):
    has_owners = False
    list_display = ("name", "stamped_at")
    search_fields = ("name",)
