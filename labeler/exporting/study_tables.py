"""The tables of a study itself: grades, who was shown what, pictures, raters, commitments."""

from __future__ import annotations

from labeler.exporting.tables import Column, Kind, Table

SET = "CASE WHEN golden.id IS NULL THEN 'training' WHEN golden.withdrawn_at IS NULL THEN 'golden' ELSE 'withdrawn' END"
_SET_MEANING = "golden, withdrawn (golden until it was withdrawn) or training (never golden)"
# A repeat that was dealt, not imported, has no name of its own. That `own` is about repeats only, as `later` below is
# about corrections only, follows from the rest; told, PostgreSQL need not look at all other rows.
_NAMED = """
    LEFT JOIN labeler_imagename own ON own.image_id = a.image_id AND own.repeat = a.repeat AND own.repeat > 0
    LEFT JOIN labeler_imagename first ON first.image_id = a.image_id AND first.repeat = 0
    LEFT JOIN labeler_goldenitem golden ON golden.image_id = a.image_id
"""
_IMAGE = Column(
    "image", Kind.TEXT, "COALESCE(own.name, first.name)", "the name under which the image came", "imported with it"
)
_RATER = Column("rater", Kind.CODE, "m.code", "the rater's code in this study", "given when the rater was added")
_REPEAT = Column(
    "repeat",
    Kind.INTEGER,
    "a.repeat",
    "0 for the first time this rater got the image, 1 for the second, …",
    "dealt when labelling began, or by the grades' file",
)
_SET = Column("set", Kind.CODE, SET, _SET_MEANING, "the golden set as it is now")

LABELS = Table(
    name="labels",
    row="an answer, or what it says of one part of the face: a grade or a flag that a rater gave an image",
    columns=(
        _IMAGE,
        _RATER,
        _REPEAT,
        Column(
            "region",
            Kind.CODE,
            "l.region",
            "face (the whole of it) or, in a study that grades these too, forehead, cheeks or chin",
            "the labelling page",
        ),
        Column(
            "value", Kind.NUMBER, "v.value", "the grade's number; nothing for a flag", "the study's scale", "grades"
        ),
        Column("level", Kind.TEXT, "v.name", "the grade's name; nothing for a flag", "the study's scale"),
        Column(
            "flag",
            Kind.CODE,
            "l.flag",
            "why the image can't be graded: blur, dark, no_face, not_acne or other; missing: its file was lost, so "
            "that nobody saw it; unseen: that region can't be seen; nothing for a grade",
            "the rater",
        ),
        Column("unsure", Kind.BOOLEAN, "l.unsure", "whether the rater said that they are unsure", "the rater"),
        Column("comment", Kind.TEXT, "l.comment", "the rater's words", "the rater"),
        Column(
            "version",
            Kind.INTEGER,
            "l.version",
            "1 for the first answer, one more for each correction; the highest counts",
            "the server",
        ),
        Column(
            "stale",
            Kind.BOOLEAN,
            "l.stale",
            "whether the page that gave it did not know of the answer before, given in another window or on another "
            "device",
            "the server",
        ),
        Column("server_time", Kind.TIME, "l.server_time", "when the answer arrived", "the server's clock", "UTC"),
        Column("client_time", Kind.TIME, "l.client_time", "when the answer was given", "the browser's clock", "UTC"),
        Column(
            "decide_ms",
            Kind.INTEGER,
            "l.decide_ms",
            "from the image painted to the answer given; told of the whole face alone",
            "the browser's clock",
            "ms",
        ),
        Column(
            "viewing",
            Kind.JSON,
            "NULLIF(l.viewing, '{}'::jsonb)",
            "how the image was seen: sizes of window, screen and image in CSS pixels, device pixels per CSS pixel, "
            "zoom, brightness and contrast; told of the whole face alone",
            "the browser",
        ),
        Column(
            "source",
            Kind.CODE,
            "l.source",
            "web (the labelling page), import (a file of grades) or simulation (a simulated rater)",
            "the server",
        ),
        _SET,
    ),
    body=f"""
        FROM labeler_label l
        JOIN labeler_assignment a ON a.id = l.assignment_id
        JOIN labeler_membership m ON m.id = a.membership_id
        LEFT JOIN labeler_level v ON v.id = l.level_id
        {_NAMED}
        WHERE m.study_id = %(study)s {{current}}
        ORDER BY l.assignment_id, l.region, l.version DESC
    """,
    current="""AND NOT EXISTS (
            SELECT FROM labeler_label later WHERE later.assignment_id = l.assignment_id
                AND later.region = 'face' AND later.version > l.version AND later.version > 1)""",
    versions="earlier answers, which were corrected",
    tells_golden=True,
)

# An order that was not yet sent out is shown to nobody before the close.
_PLANNED = """CASE WHEN a.revoked_at IS NULL AND (a.released_at IS NOT NULL OR s.state = 'closed') THEN
        row_number() OVER (PARTITION BY a.membership_id, a.revoked_at IS NULL ORDER BY a.sort_key) END"""

ASSIGNMENTS = Table(
    name="assignments",
    row="an image that a rater is to grade, once per repeat, whether they have or not",
    columns=(
        _RATER,
        _IMAGE,
        _REPEAT,
        Column(
            "planned_place",
            Kind.INTEGER,
            _PLANNED,
            "place in the rater's queue, from 1; nothing for what was not sent yet, until the study is closed",
            "the order drawn by the study's seed",
        ),
        Column(
            "shown_place",
            Kind.INTEGER,
            "a.shown_seq",
            "place in the order in which the rater really saw the images, from 1",
            "the server",
        ),
        Column(
            "released_at", Kind.TIME, "a.released_at", "when it was sent to the browser", "the server's clock", "UTC"
        ),
        Column("first_shown_at", Kind.TIME, "a.first_shown_at", "when it was first shown", "the server's clock", "UTC"),
        Column(
            "answered_at", Kind.TIME, "answer.first_at", "when its first answer arrived", "the server's clock", "UTC"
        ),
        Column("answers", Kind.INTEGER, "answer.given", "how many answers it has, corrections too", "labels"),
        Column("revoked_at", Kind.TIME, "a.revoked_at", "when it was taken back unseen", "the server's clock", "UTC"),
        Column("revoke_reason", Kind.TEXT, "a.revoke_reason", "why it was taken back", "the study's lead"),
        _SET,
    ),
    body=f"""
        FROM labeler_assignment a
        JOIN labeler_membership m ON m.id = a.membership_id
        JOIN labeler_study s ON s.id = m.study_id
        {_NAMED}
        CROSS JOIN LATERAL (SELECT min(l.server_time) AS first_at, count(*) AS given
            FROM labeler_label l WHERE l.assignment_id = a.id AND l.region = 'face') answer
        WHERE m.study_id = %(study)s
        ORDER BY a.membership_id, a.shown_seq NULLS LAST, a.image_id, a.repeat, a.revoked_at
    """,
    tells_golden=True,
)


def _figure(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name, Kind.NUMBER, f"(i.quality->>'{name}')::float8", meaning, "measured at import", unit)


IMAGES = Table(
    name="images",
    row="an image of the study, by its content",
    columns=(
        Column("image", Kind.TEXT, "n.name", "the name under which it came first", "imported with it"),
        Column(
            "further_names",
            Kind.JSON,
            "(SELECT jsonb_agg(f.name ORDER BY f.repeat) FROM labeler_imagename f "
            "WHERE f.image_id = i.id AND f.repeat > 0)",
            "the names of further files with the same content, as a list",
            "imported with them",
        ),
        Column("sha256", Kind.TEXT, "i.sha256", "the file's SHA-256; nothing once erased", "computed at import"),
        Column("width", Kind.INTEGER, "i.width", "width of the original", "measured at import", "pixels"),
        Column("height", Kind.INTEGER, "i.height", "height of the original", "measured at import", "pixels"),
        _figure("brightness", "mean luma", "0 … 255"),
        _figure("contrast", "standard deviation of luma", "0 … 127.5"),
        _figure("dark_share", "share of pixels with luma under 16", "0 … 1"),
        _figure("bright_share", "share of pixels with luma over 240", "0 … 1"),
        _figure("sharpness", "variance of the Laplacian of luma; low means blurred", "grey levels²"),
        Column("rejected_code", Kind.CODE, "i.rejected_code", "the rule of prescreening that it fails", "prescreening"),
        Column("rejected_reason", Kind.TEXT, "i.rejected_reason", "the same in words", "prescreening"),
        Column(
            "kept_at",
            Kind.TIME,
            "i.rejection_overridden_at",
            "when a lead kept it although it fails",
            "the study's lead",
            "UTC",
        ),
        Column(
            "cluster",
            Kind.INTEGER,
            "i.cluster",
            "a number that near-duplicates and images of one person share; nothing until they were looked for",
            "the search for duplicates, and the lead's decisions",
        ),
        Column("person", Kind.TEXT, "p.external_id", "who is in the image", "the images' table"),
        _SET,
        Column(
            "fold_raters",
            Kind.TEXT,
            "(SELECT string_agg(m.code, ' ' ORDER BY m.code) FROM labeler_folditem fi "
            "JOIN labeler_fold f ON f.id = fi.fold_id JOIN labeler_membership m ON m.id = f.membership_id "
            "WHERE fi.image_id = i.id)",
            "codes of the raters in whose folds it is, with spaces between; nothing for a golden image",
            "dealt when labelling began, and by later changes",
        ),
        Column("metadata", Kind.JSON, "n.metadata", "the further columns of its row, by name", "the images' table"),
        Column("imported_at", Kind.TIME, "i.created_at", "when it was imported", "the server's clock", "UTC"),
        Column("erased_at", Kind.TIME, "i.erased_at", "when the picture was erased", "the server's clock", "UTC"),
    ),
    body="""
        FROM labeler_image i
        LEFT JOIN labeler_imagename n ON n.image_id = i.id AND n.repeat = 0
        LEFT JOIN labeler_person p ON p.id = i.person_id
        LEFT JOIN labeler_goldenitem golden ON golden.image_id = i.id
        WHERE i.study_id = %(study)s
        ORDER BY i.id
    """,
    tells_golden=True,
)

RATERS = Table(
    name="raters",
    row="a rater of the study; no names, no addresses",
    columns=(
        _RATER,
        Column("state", Kind.CODE, "m.state", "invited, active or withdrawn", "the study's lead"),
        Column(
            "has_account",
            Kind.BOOLEAN,
            "m.user_id IS NOT NULL",
            "no for a rater whose grades came from a file",
            "the study's lead",
        ),
        Column(
            "saw_golden_set",
            Kind.BOOLEAN,
            "EXISTS (SELECT FROM labeler_goldensight g WHERE g.study_id = m.study_id AND g.user_id = m.user_id)",
            "whether they came to know which images are golden before the close",
            "written down when it happened",
        ),
        Column(
            "admitted_reason",
            Kind.TEXT,
            "m.admitted_reason",
            "why they rate although they saw the golden set",
            "the study's lead",
        ),
        Column(
            "admitted_by",
            Kind.CODE,
            "(SELECT lead.code FROM labeler_membership lead WHERE lead.study_id = m.study_id "
            "AND lead.user_id = m.admitted_by_id AND lead.role = 'lead')",
            "code of the lead who admitted them",
            "written down when it happened",
        ),
        Column("added_at", Kind.TIME, "m.created_at", "when they were added", "the server's clock", "UTC"),
        Column("withdrawn_at", Kind.TIME, "m.withdrawn_at", "when they left", "the server's clock", "UTC"),
        Column("withdrawn_reason", Kind.TEXT, "m.withdrawn_reason", "why they left", "the study's lead"),
    ),
    body="FROM labeler_membership m WHERE m.study_id = %(study)s AND m.role = 'rater' ORDER BY m.code",
    tells_golden=False,
)

COMMITMENTS = Table(
    name="commitments",
    row="a published fingerprint of golden set, folds, orders and seed at one moment",
    columns=(
        Column("number", Kind.INTEGER, "c.number", "1 for the first, then one more each", "the server"),
        Column("event", Kind.TEXT, "c.event", "what had happened", "the server"),
        Column("sha256", Kind.TEXT, "c.sha256", "SHA-256 of the document, shown at the close", "computed then"),
        Column("previous", Kind.TEXT, "c.previous", "the sha256 before it; nothing for the first", "computed then"),
        Column("at", Kind.TIME, "c.at", "when it was published", "the server's clock", "UTC"),
    ),
    body="FROM labeler_commitment c WHERE c.study_id = %(study)s ORDER BY c.number",
    tells_golden=False,
)

STUDY_TABLES = (LABELS, ASSIGNMENTS, IMAGES, RATERS, COMMITMENTS)
