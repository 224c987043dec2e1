"""What the people of a study work with: the study and its scale, its pictures, who gets which, and the grades."""

from labeler.models.assignments import Assignment, Fold, FoldItem, GoldenItem
from labeler.models.images import Image, ImageName, Rendition, usable_images
from labeler.models.labels import Flag, Label, LabelSource, Region
from labeler.models.studies import Level, Membership, MembershipState, Person, Role, Study, StudyState

__all__ = [
    "Assignment",
    "Flag",
    "Fold",
    "FoldItem",
    "GoldenItem",
    "Image",
    "ImageName",
    "Label",
    "LabelSource",
    "Level",
    "Membership",
    "MembershipState",
    "Person",
    "Region",
    "Rendition",
    "Role",
    "Study",
    "StudyState",
    "usable_images",
]
