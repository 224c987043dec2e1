"""The tables of what the grades came to, and all tables that a study has."""

from __future__ import annotations

from labeler.exporting import STUDY_TABLES, Column, Kind, Table

_IMAGE = Column("image", Kind.TEXT, "n.name", "the name under which the image came first", "imported with it")

CONSENSUS = Table(
    name="consensus",
    row="what a panel's grades came to on one image, in one version of the consensus",
    columns=(
        Column("version", Kind.INTEGER, "v.id", "number of the version; a later one is greater", "the server"),
        Column("frozen_at", Kind.TIME, "v.created_at", "when the version was frozen", "the server's clock", "UTC"),
        Column("scope", Kind.CODE, "v.scope", "golden (the golden set) or all (what the panel graded)", "that version"),
        _IMAGE,
        Column("value", Kind.NUMBER, "c.value", "mean of the panel's grades", "labels that counted then", "grades"),
        Column("n", Kind.INTEGER, "c.n", "how many grades it is the mean of", "labels that counted then"),
        Column(
            "spread",
            Kind.NUMBER,
            "c.spread",
            "standard deviation of these grades; nothing for one",
            "labels that counted then",
            "grades",
        ),
        Column(
            "panel",
            Kind.TEXT,
            "v.codes",
            "codes of the raters who counted, with spaces between",
            "the panel of that version",
        ),
    ),
    body="""
        FROM (SELECT w.*, (SELECT string_agg(seat->>'code', ' ' ORDER BY seat->>'code')
                           FROM jsonb_array_elements(w.panel) seat WHERE (seat->>'counts')::boolean) AS codes
              FROM grading_consensusversion w WHERE w.study_id = %(study)s {current}) v
        JOIN grading_consensus c ON c.version_id = v.id
        LEFT JOIN labeler_imagename n ON n.image_id = c.image_id AND n.repeat = 0
        ORDER BY v.id, c.image_id
    """,
    current="AND w.id = (SELECT max(x.id) FROM grading_consensusversion x WHERE x.study_id = %(study)s)",
    versions="earlier versions of the consensus",
    tells_golden=True,
)

PREDICTIONS = Table(
    name="predictions",
    row="what a training run said of one golden image when it was judged",
    columns=(
        Column("run", Kind.INTEGER, "r.number", "the run's number in this study", "the server"),
        Column(
            "evaluation",
            Kind.INTEGER,
            "e.id",
            "number of the look at the golden set; a later one is greater",
            "the server",
        ),
        Column("evaluated_at", Kind.TIME, "e.at", "when it was judged", "the server's clock", "UTC"),
        Column(
            "consensus_version",
            Kind.INTEGER,
            "e.consensus_version_id",
            "version of the consensus that it was judged by: see the table consensus",
            "the run",
        ),
        _IMAGE,
        Column(
            "score",
            Kind.NUMBER,
            "p.score",
            "the model's severity; for an image that it refused, the mean training target",
            "the run's model",
            "grades",
        ),
        Column("truth", Kind.NUMBER, "p.truth", "the panel's consensus", "that consensus version", "grades"),
        Column(
            "patches",
            Kind.INTEGER,
            "jsonb_array_length(p.patches)",
            "how many patches of skin the score is the mean of; 0 for a refused image",
            "the run's model",
        ),
        Column("route", Kind.CODE, "p.route", "how the patches were found", "the run's model"),
        Column("reason", Kind.TEXT, "p.reason", "why the image was refused; nothing if it was not", "the run's model"),
    ),
    body="""
        FROM grading_trainingrun r
        JOIN grading_evaluation e ON e.run_id = r.id
        JOIN grading_prediction p ON p.evaluation_id = e.id
        LEFT JOIN labeler_imagename n ON n.image_id = p.image_id AND n.repeat = 0
        WHERE r.study_id = %(study)s {current}
        ORDER BY r.number, e.id, p.image_id
    """,
    current="AND e.id = (SELECT max(x.id) FROM grading_evaluation x WHERE x.run_id = r.id)",
    versions="earlier evaluations of a run",
    tells_golden=True,
)

TABLES = (*STUDY_TABLES, CONSENSUS, PREDICTIONS)


def find_table(name: str) -> Table | None:
    """The table of that name."""
    return next((table for table in TABLES if table.name == name), None)
