"""The bare application's tables, its people and their items."""

import json
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command

from bench.answers.bare.models import Item
from bench.answers.sessions import session_of


def build(raters: str, items: str, paths: str, out: str) -> None:
    """So many raters with so many items each, whose pictures `paths` names; writes down their sessions."""
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # its own tables, which refer to the others
    files = json.loads(Path(paths).read_text())
    found = []
    for number in range(1, int(raters) + 1):
        user = User.objects.create(username=f"rater{number}")
        Item.objects.bulk_create(Item(user=user, path=files[place % len(files)]) for place in range(int(items)))
        found.append({"session": session_of(user)})
    Path(out).write_text(json.dumps(found))
