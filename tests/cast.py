"""The people in every test: Alice leads, Bob and Carol rate, Mallory must see nothing."""

import pytest

from accounts import audit
from accounts.models import User
from labeler.models import Membership, Role, Study
from labeler.studies import add_member, create_study
from labeler.thresholds import Thresholds

PASSWORD = "a long enough passphrase"


def _user(name: str, **fields: bool) -> User:
    return User.objects.create_user(f"{name.lower()}@example.org", PASSWORD, name=name, **fields)


@pytest.fixture
def alice(db: None) -> User:
    return _user("Alice")


@pytest.fixture
def bob(db: None) -> User:
    return _user("Bob")


@pytest.fixture
def carol(db: None) -> User:
    return _user("Carol")


@pytest.fixture
def mallory(db: None) -> User:
    """Signed in, and in no study."""
    return _user("Mallory")


@pytest.fixture
def root(db: None) -> User:
    """The administrator."""
    return _user("Root", is_admin=True)


@pytest.fixture
def study(alice: User) -> Study:
    """A draft study on the published scale, led by Alice, without raters; it takes the smallest of pictures."""
    made = create_study("Acne in selfies", actor=audit.SYSTEM, lead=alice, seed=7)
    made.prescreen = Thresholds.off().to_store()
    made.save(update_fields=["prescreen"])
    return made


@pytest.fixture
def bob_rates(study: Study, bob: User) -> Membership:
    return add_member(study, Role.RATER, user=bob, actor=audit.SYSTEM)


@pytest.fixture
def carol_rates(study: Study, carol: User) -> Membership:
    return add_member(study, Role.RATER, user=carol, actor=audit.SYSTEM)
