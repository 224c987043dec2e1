"""What happens to a study while it runs: a rater comes late or drops out, images are added, a golden one is withdrawn.

Each event is one action. It changes nothing that was sent to a browser, shuffles what it adds together with what was
not sent yet, leaves an audit record, and publishes a new commitment.
"""

from labeler.changes.added_images import AddedPlan, LeftOut, deal_added, plan_added, waiting
from labeler.changes.drop_out import WithdrawalPlan, plan_withdrawal, withdraw_rater
from labeler.changes.golden_image import withdraw_golden
from labeler.changes.late_rater import LateRaterPlan, add_late_rater, plan_late_rater
from labeler.changes.panel import RUNNING, NotRunning, Portion

__all__ = [
    "RUNNING",
    "AddedPlan",
    "LateRaterPlan",
    "LeftOut",
    "NotRunning",
    "Portion",
    "WithdrawalPlan",
    "add_late_rater",
    "deal_added",
    "plan_added",
    "plan_late_rater",
    "plan_withdrawal",
    "waiting",
    "withdraw_golden",
    "withdraw_rater",
]
