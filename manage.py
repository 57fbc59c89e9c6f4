#!/usr/bin/env python
"""Run Django's and Helix's commands: `manage.py help` lists them."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a setting is wrong, and the sentence says which
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"Error: {error}")  # to standard error, exit code 1
    except (OperationalError, ProgrammingError) as error:  # of commands that are not our own kind
        from core.commands import database_sentence

        sentence = database_sentence(error)
        if "--traceback" in sys.argv or not sentence:
            raise
        sys.exit(f"Error: {sentence}")


if __name__ == "__main__":
    main()
