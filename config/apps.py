from django.apps import AppConfig

from config.celery import app as celery


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        # Whatever thread sends a task sends it through this project's broker.
        celery.set_default()
