from django.apps import AppConfig


class LabelerConfig(AppConfig):
    name = "labeler"

    def ready(self) -> None:
        from labeler import checks  # noqa: F401, PLC0415  its checks register themselves; settings must be ready
