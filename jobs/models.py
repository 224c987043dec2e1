"""Long work as rows: claimed by a conditional update, kept alive by a heartbeat, taken up when its worker dies."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class JobState(models.TextChoices):
    QUEUED = "queued", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"


ACTIVE = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    """One piece of long work. `kind` is the Celery task's name; `jobs.lifecycle` holds every change of state."""

    kind = models.CharField(max_length=60)
    # A plain number: studies live in a higher layer.
    study_id = models.BigIntegerField(null=True, db_index=True)
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    # What came of it, for people: counts, and what was refused with its reason.
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0)
    # One claim's random id; whoever does not hold it any more can't write.
    claimed_by = models.CharField(max_length=32, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    dedup_key = models.CharField(max_length=120, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dedup_key"],
                condition=Q(state__in=["queued", "running"]) & ~Q(dedup_key=""),
                name="job_dedup_key_once_while_active",
            ),
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=~Q(state="running") | (Q(heartbeat_at__isnull=False) & ~Q(claimed_by="")),
                name="job_running_is_claimed",
            ),
        ]
        indexes = [
            models.Index(fields=["heartbeat_at"], condition=Q(state="running"), name="job_running"),
            models.Index(fields=["created_at"], condition=Q(state="queued"), name="job_queued"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk} ({self.state})"

    @property
    def title(self) -> str:
        """What people call the work: “Import images” for `labeler.import_images`."""
        return self.kind.rpartition(".")[2].replace("_", " ").capitalize()

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE

    @property
    def percent(self) -> int:
        return round(100 * min(self.done, self.total) / self.total) if self.total else 0
