"""The store's tables, as numbered steps from an empty file to today's shape.

Readings lie in the journal until they are packed into blocks (`store.readings`). Everything of low
volume is an event: a row with JSON. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from store.migrations import Migration
from store.rows_to_blocks import rows_to_blocks

_FIRST = """
    CREATE TABLE source (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        quantity TEXT NOT NULL,
        unit TEXT NOT NULL,
        UNIQUE (kind, name, quantity, unit)
    );
    CREATE TABLE camera_reading (
        source INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        model INTEGER NOT NULL,
        blind TEXT,
        count REAL, count_low REAL, count_high REAL,
        density_p_m2 REAL, peak_p_m2 REAL,
        speed_m_s REAL, direction_deg REAL, counterflow REAL, pressure_s2 REAL,
        PRIMARY KEY (source, at_ms)
    ) WITHOUT ROWID;
    CREATE TABLE zone_reading (
        source INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        sight TEXT NOT NULL,
        occupancy REAL, occupancy_low REAL, occupancy_high REAL,
        density_p_m2 REAL, peak_p_m2 REAL,
        PRIMARY KEY (source, at_ms)
    ) WITHOUT ROWID;
    CREATE TABLE counter_reading (
        source INTEGER NOT NULL, boot TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        in_total INTEGER NOT NULL, out_total INTEGER NOT NULL,
        PRIMARY KEY (source, boot, seq)
    ) WITHOUT ROWID;
    CREATE INDEX counter_reading_at ON counter_reading (source, at_ms);
    CREATE TABLE sensor_reading (
        source INTEGER NOT NULL, at_ms INTEGER NOT NULL, seq INTEGER NOT NULL,
        value REAL NOT NULL,
        PRIMARY KEY (source, at_ms, seq)
    ) WITHOUT ROWID;

    CREATE TABLE event (
        serial INTEGER PRIMARY KEY,
        at_ms INTEGER NOT NULL, arrived_ms INTEGER NOT NULL,
        kind TEXT NOT NULL, source TEXT NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX event_source ON event (kind, source, at_ms);
    CREATE INDEX event_at ON event (at_ms);
    CREATE TABLE latest (
        kind TEXT NOT NULL, source TEXT NOT NULL, topic TEXT NOT NULL,
        arrived_ms INTEGER NOT NULL, type TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (kind, source, topic)
    ) WITHOUT ROWID;
    CREATE TABLE seen (
        source INTEGER NOT NULL, key BLOB NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (source, key)
    ) WITHOUT ROWID;

    CREATE TABLE warning_case (
        id TEXT PRIMARY KEY,
        subject_kind TEXT NOT NULL, subject TEXT NOT NULL, hazard TEXT NOT NULL,
        exercise INTEGER NOT NULL, state TEXT NOT NULL,
        opened_ms INTEGER NOT NULL, body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX one_open_case ON warning_case (subject_kind, subject, hazard, exercise)
        WHERE state <> 'closed';
    CREATE INDEX case_opened ON warning_case (opened_ms, id);
    CREATE TABLE transition (
        case_id TEXT NOT NULL, serial INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (case_id, serial)
    ) WITHOUT ROWID;
    CREATE TABLE device_order (
        id TEXT PRIMARY KEY,
        device TEXT NOT NULL, case_id TEXT, counter INTEGER NOT NULL, finished INTEGER NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX order_counter ON device_order (counter, device);
    CREATE INDEX order_case ON device_order (case_id, counter);
    CREATE INDEX order_device ON device_order (device, counter);
    CREATE INDEX order_unfinished ON device_order (counter) WHERE finished = 0;

    CREATE TABLE snapshot (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE tally (name TEXT PRIMARY KEY, taken INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit (
        serial INTEGER PRIMARY KEY,
        record BLOB NOT NULL, hash BLOB NOT NULL
    );
"""

_AUDIT_IS_APPEND_ONLY = """
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
    CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
"""

_AUDIT_IS_APPEND_ONLY_POSTGRES = """
    CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE ON audit
        FOR EACH ROW EXECUTE FUNCTION audit_refuses();
"""

# A step's detail stood in English alone, and a waiting plan was a comment.
_DETAILS_IN_BOTH_LANGUAGES = """
    UPDATE transition SET body = CAST(
        json_set(CAST(body AS TEXT), '$.change', 'plan_waiting') AS BLOB)
        WHERE json_extract(CAST(body AS TEXT), '$.change') = 'commented'
        AND json_extract(CAST(body AS TEXT), '$.reason') = 'plan_of_the_level'
        AND json_extract(CAST(body AS TEXT), '$.detail') LIKE '% waits for %';
    UPDATE transition SET body = CAST(
        json_set(CAST(body AS TEXT), '$.detail', json(
            CASE json_extract(CAST(body AS TEXT), '$.detail') WHEN '' THEN 'null' ELSE json_object(
                'zh', json_extract(CAST(body AS TEXT), '$.detail'),
                'en', json_extract(CAST(body AS TEXT), '$.detail')
            ) END)) AS BLOB)
        WHERE json_type(CAST(body AS TEXT), '$.detail') = 'text';
"""

# Readings in blocks in place of one row each; keys that name their source themselves.
_BLOCKS = """
    CREATE TABLE journal (serial INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
    CREATE TABLE block (key INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE packed (source INTEGER PRIMARY KEY, serial INTEGER NOT NULL, newest BLOB NOT NULL);
    DROP TABLE seen;
    CREATE TABLE seen (key BLOB PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE lease (
        name TEXT PRIMARY KEY,
        holder TEXT NOT NULL, epoch INTEGER NOT NULL, beat INTEGER NOT NULL
    ) WITHOUT ROWID;
"""

MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        sqlite=_FIRST + _AUDIT_IS_APPEND_ONLY, postgres=_FIRST + _AUDIT_IS_APPEND_ONLY_POSTGRES
    ),
    # PostgreSQL was not yet served then: there is nothing to mend.
    Migration(sqlite=_DETAILS_IN_BOTH_LANGUAGES, postgres=""),
    Migration(sqlite=_BLOCKS, after=rows_to_blocks),
)

SCHEMA_VERSION = len(MIGRATIONS)

COUNTED = (
    "camera_reading",
    "zone_reading",
    "counter_reading",
    "sensor_reading",
    "event",
    "warning_case",
    "transition",
    "device_order",
    "audit",
)
"""Tables whose rows are tallied as they come in; `store.counts()` reports them."""

READING_TABLES = ("camera_reading", "counter_reading", "sensor_reading")
"""What the field told; the zones' views are worked out from it."""
