"""Every sentence that a rater's pages make while they run; the fixed ones are in their templates.

The pages get them as JSON, with {gaps} that they fill. No sentence counts things in words, so that none needs a
plural: languages differ in how many they have.
"""

from __future__ import annotations

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS: Final[dict[str, Promise]] = {
    "progress": _("{number} of {total}"),
    "image": _("Selfie {number} of {total}"),
    "given": _("{answer}. Next: image {number} of {total}."),
    "changed": _("Changed to {answer}. Back at image {number}."),
    "kept": _("Unchanged. Back at image {number}."),
    "looking": _("Image {number}, which you answered: {answer}. Choose again to change it."),
    "forward": _("Image {number} of {total}."),
    "last": _("image {number}: {answer}"),
    "flagged": _("not gradable, {reason}"),
    "unsure": _("{answer}, unsure"),
    "first": _("There is no image before this one."),
    "backUnavailable": _("Earlier images can’t be loaded now."),
    "elsewhere": _("That image was graded in another window; here is the next one."),
    "stale": _("You had graded this image before: {before}. Now: {now}."),
    "finished": _("All images are graded."),
    "minutesLeft": _("about {minutes} min left"),
    "hoursLeft": _("about {hours} h left"),
    "underAMinute": _("less than a minute left"),
    "saved": _("Saved"),
    "saving": _("Saving…"),
    "offline": _("Offline · {count} waiting"),
    "unreachable": _("Not connected · {count} waiting"),
    "refused": _("{reason} Waiting here: {count}."),
    "otherPerson": _("Somebody else is signed in now. Sign in as yourself again."),
    "signedOut": _("You are signed out."),
    "failed": _("The server has a problem."),
    # Grades that wait, or that were not taken
    "unkept": _("This browser keeps nothing. Your grades wait in this page alone: leave it open until it says Saved."),
    "putBack": _("Put back: {answer}"),
    "keepNew": _("Keep: {answer}"),
    "aside": _("Not taken: {count}"),
    "asideOpen": _("Look"),
    "asideTitle": _("Grades that were not taken"),
    "asideIntro": _("They are kept on this computer until they are taken or you discard them."),
    "asideItem": _("{answer}, given {time}."),
    "asideAgain": _("Try again"),
    "asideDiscard": _("Discard"),
    "asideSure": _("Discard for good"),
    "asideClose": _("Close"),
    "doStrip": _("Strip of the last images"),
    "reasonNeeded": _("Please say in a few words why."),
    # The parts of a face
    "unseen": _("not seen"),
    "partGiven": _("{part}: {answer}. Now: {next}."),
    "partAsked": _("Now: {next}."),
    # How the image is seen
    "percent": _("{number} %"),
    "lightChanged": _("Brightness {brightness} %, contrast {contrast} %"),
    "example": _("Example: {level}"),
    "partMissing": _("This can’t be opened without a connection."),
    # Keys
    "withKey": _("{name} (key {key})"),
    "withShift": _("Shift {key}"),
    "keyHint": _("Choose Change, then press the key."),
    "keyPress": _("Press a key…"),
    "keyChange": _("Change"),
    "keyChangeOf": _("{action}, now {key}: change"),
    "keyUsual": _("As usual"),
    "keyUsualOf": _("{action}: key as usual"),
    "keyNone": _("no key"),
    "keyAwaited": _("{action}: press the key that shall do it, or Esc to leave it as it is."),
    "keyIs": _("“{action}”: {key}"),
    "keyTaken": _("{key} is taken by “{action}”. Choose another key, or change that one first."),
    "keyReserved": _("That key is needed to move about the page. Take a letter, a digit, a sign or an arrow."),
    "keysUsual": _("All keys are as usual again."),
    "doGrade": _("Grade: {level}"),
    "doUnsure": _("Mark as unsure"),
    "doUnseen": _("Part of the face not seen"),
    "doFlag": _("Not gradable"),
    "doComment": _("Comment"),
    "doLower": _("Choose the next grade"),
    "doHigher": _("Choose the grade before"),
    "doBack": _("Back"),
    "doForward": _("Forward again"),
    "doLight": _("Light by sliders"),
    "doReference": _("The scale beside the image"),
    "doSettings": _("Settings"),
    "doHelp": _("Scale and keys"),
    "doZoomIn": _("Zoom in"),
    "doZoomOut": _("Zoom out"),
    "doZoomFit": _("Fit the image"),
    "doPanLeft": _("Show more of the left"),
    "doPanRight": _("Show more of the right"),
    "doPanUp": _("Show more of the top"),
    "doPanDown": _("Show more of the bottom"),
    "doBrighter": _("Brighter"),
    "doDarker": _("Darker"),
    "doMoreContrast": _("More contrast"),
    "doLessContrast": _("Less contrast"),
    "doLightReset": _("Light as it was"),
    "doFullScreen": _("Full screen"),
    # Practice
    "practiceImage": _("Practice image {number} of {total}"),
    "practiceSame": _("You chose {chosen}, which is the study’s grade too."),
    "practiceOther": _("You chose {chosen}; the study’s grade is {meant}."),
    "practiceDone": _("Practice"),
    "practiceResult": _("Your grade was the study’s for {same} of {total}."),
    # Pace and care
    "rest": _("You have graded for an hour. A short break keeps your eye fresh; nothing is lost meanwhile."),
    "quick": _("You are much quicker than you usually are. Take the time that each image needs."),
    "closeNotice": _("Close this notice (Esc)"),
    # My grades
    "mineImage": _("Image {number}"),
    "minePlace": _("{group} · {place} of {count}"),
    "mineCompared": _("Side by side: {count}"),
    "mineSaid": _("“{comment}”"),
    "mineNotGradable": _("Not gradable"),
    "mineUnsure": _("unsure"),
    "mineTwice": _("graded in two windows"),
    "mineChanged": _("changed {count}×"),
    "mineNow": _("Image {number} is now: {answer}."),
    "mineAgain": _("Image {number} is again: {answer}."),
    "minePick": _("Compare image {number}"),
    "minePicked": _("Chosen: {count}"),
    "minePickedMost": _("No more than {count} can be compared at once."),
    "mineUnavailable": _("More can’t be loaded now."),
}


def page_words() -> dict[str, str]:
    """The sentences in the language of the request."""
    return {name: str(sentence) for name, sentence in WORDS.items()}
