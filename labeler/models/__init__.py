"""What the people of a study work with: the study and its scale, its pictures, who gets which, and the grades."""

from labeler.models.assignments import Assignment, Fold, FoldItem, GoldenItem, Queue
from labeler.models.images import (
    ClusterDecision,
    DecisionKind,
    Examination,
    Image,
    ImageLink,
    ImageName,
    LinkKind,
    Rendition,
    usable_images,
)
from labeler.models.labels import Flag, Label, LabelSource, Region
from labeler.models.studies import (
    Commitment,
    GoldenSight,
    Level,
    Membership,
    MembershipState,
    Person,
    Role,
    Sight,
    Study,
    StudyState,
)

__all__ = [
    "Assignment",
    "ClusterDecision",
    "Commitment",
    "DecisionKind",
    "Examination",
    "Flag",
    "Fold",
    "FoldItem",
    "GoldenItem",
    "GoldenSight",
    "Image",
    "ImageLink",
    "ImageName",
    "Label",
    "LabelSource",
    "Level",
    "LinkKind",
    "Membership",
    "MembershipState",
    "Person",
    "Queue",
    "Region",
    "Rendition",
    "Role",
    "Sight",
    "Study",
    "StudyState",
    "usable_images",
]
