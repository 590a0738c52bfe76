"""A departure board: Django with its templates and static files, all of it hot.

Start it in the repository's folder:

    python examples/django/manage.py runserver
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timetable.settings")
    execute_from_command_line(sys.argv)
