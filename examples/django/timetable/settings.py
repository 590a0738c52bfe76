"""The least that Django needs, with hotchannel in it: no database, no users, no admin."""

from __future__ import annotations

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = True
SECRET_KEY = "only for this example, on this machine"

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "hotchannel.integrations.django",
    "timetable",
]
MIDDLEWARE = [
    "hotchannel.integrations.django.HotChannelMiddleware",
    "django.middleware.common.CommonMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

ROOT_URLCONF = "timetable.urls"
STATIC_URL = "static/"
