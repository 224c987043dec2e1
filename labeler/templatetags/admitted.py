"""`{% admitted_raters study %}`: the notice on every report that names who rates knowing the golden set."""

from __future__ import annotations

from django import template
from django.db.models import QuerySet

from labeler.models import Membership, Study
from labeler.raters import admitted

register = template.Library()


@register.inclusion_tag("labeler/admitted.html")
def admitted_raters(study: Study) -> dict[str, QuerySet[Membership]]:
    return {"raters": admitted(study)}
