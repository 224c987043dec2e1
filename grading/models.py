"""What the grades came to: consensus, data sets frozen from it, models trained on them, and every look taken."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from jobs.models import Job
from labeler.models import Image, Study


class Scope(models.TextChoices):
    GOLDEN = "golden", "the golden set"
    ALL = "all", "all images that the panel graded"


class ConsensusVersion(models.Model):
    """A panel's consensus at one moment, with who counted and why, and the golden set as it was. Append-only."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="consensus_versions")
    method = models.CharField(max_length=20, default="mean")
    scope = models.CharField(max_length=6, choices=Scope.choices, default=Scope.GOLDEN)
    # [{"membership": id, "code": "R01", "counts": true, "why": "answered 60 of 60 golden items"}, …]
    panel = models.JSONField()
    # Ids of the golden images then.
    golden = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(scope__in=Scope.values), name="consensus_scope_known")]

    def __str__(self) -> str:
        return f"consensus {self.pk}"


class Consensus(models.Model):
    """One image's value in a version: the mean of `n` grades with their standard deviation. Append-only."""

    version = models.ForeignKey(ConsensusVersion, on_delete=models.PROTECT, related_name="values")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="consensus_values")
    value = models.FloatField()
    n = models.PositiveSmallIntegerField()
    spread = models.FloatField(null=True)

    class Meta:
        verbose_name_plural = "consensus values"
        constraints = [
            models.UniqueConstraint(fields=["version", "image"], name="consensus_image_once"),
            models.CheckConstraint(condition=Q(n__gte=1), name="consensus_has_grades"),
        ]

    def __str__(self) -> str:
        return f"{self.value:.2f} of {self.n}"


class Dataset(models.Model):
    """A frozen training set: its manifest's sha256 is its identity."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="datasets")
    sha256 = models.CharField(max_length=64)
    # The manifest's file below the store of files: images, targets, groups, golden set with its truth.
    path = models.CharField(max_length=200)
    images = models.PositiveIntegerField()
    consensus_version = models.ForeignKey(ConsensusVersion, on_delete=models.PROTECT, related_name="datasets")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "sha256"], name="dataset_once")]

    def __str__(self) -> str:
        return self.sha256[:12]


class TrainingRun(models.Model):
    """One training, from the frozen data set to the artifact. Its state is its job's; `finished_at` ends it."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="runs")
    number = models.PositiveIntegerField()
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="runs")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="run")
    configuration = models.JSONField()
    seeds = models.JSONField()
    # The artifact's folder below the store of files.
    artifact = models.CharField(max_length=200, blank=True)
    # What training itself reported: epochs, validation, coverage.
    training = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="run_number_once"),
            models.UniqueConstraint(
                fields=["study"], condition=Q(finished_at__isnull=True), name="run_one_active_per_study"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.number}"


class Evaluation(models.Model):
    """One look at the golden set, with the gate declared before the look. Append-only."""

    run = models.ForeignKey(TrainingRun, on_delete=models.PROTECT, related_name="evaluations")
    consensus_version = models.ForeignKey(ConsensusVersion, on_delete=models.PROTECT, related_name="evaluations")
    # {"kind": "worst rater", "rater": "R03", "bar": 0.517}
    gate = models.JSONField()
    gate_declared_at = models.DateTimeField()
    metrics = models.JSONField()
    passed = models.BooleanField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(gate_declared_at__lte=F("at")), name="evaluation_gate_before_look")
        ]

    def __str__(self) -> str:
        return f"evaluation {self.pk}"


class Prediction(models.Model):
    """What a run said of one golden image. A refused image has no score of its own: the mean target stands in."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="predictions")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="predictions")
    # The value counted in every figure.
    score = models.FloatField()
    truth = models.FloatField()
    patches = models.JSONField(default=list)
    route = models.CharField(max_length=20)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["evaluation", "image"], name="prediction_image_once")]

    def __str__(self) -> str:
        return f"{self.score:.2f}"


class Promotion(models.Model):
    """From `at` on, the study's selfies are scored by this run; the latest row of a study counts. Append-only."""

    run = models.ForeignKey(TrainingRun, on_delete=models.PROTECT, related_name="promotions")
    evaluation = models.ForeignKey(Evaluation, on_delete=models.PROTECT, related_name="promotions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    # Why, where the run did not pass its gate.
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"promotion of {self.run}"
