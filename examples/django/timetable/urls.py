"""One page."""

from __future__ import annotations

from django.urls import path

from timetable.views import board

urlpatterns = [path("", board)]
