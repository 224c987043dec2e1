"""Append-only tables: a trigger that refuses UPDATE, DELETE and TRUNCATE, for migrations to attach."""

from django.db.migrations import RunSQL

CREATE_FUNCTION = RunSQL(
    """
    CREATE FUNCTION goldfold_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END $$;
    """,
    "DROP FUNCTION goldfold_append_only();",
)


def append_only(table: str) -> RunSQL:
    """The operation that makes `table` append-only. The migration depends on accounts' first."""
    return RunSQL(
        f"""
        CREATE TRIGGER {table}_append_only_rows BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION goldfold_append_only();
        CREATE TRIGGER {table}_append_only_table BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION goldfold_append_only();
        """,
        f"""
        DROP TRIGGER {table}_append_only_rows ON {table};
        DROP TRIGGER {table}_append_only_table ON {table};
        """,
    )
