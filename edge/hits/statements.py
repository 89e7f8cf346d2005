"""What the ledger says to SQLite. Names of tables and columns are put in from `schema`, values never."""
# ruff: noqa: S608

from __future__ import annotations

from edge.flow.stats import OTHER
from edge.hits.schema import BY_DAY, DAILY, OTHER_ID, TOTALS

# All that is inserted names its columns: a later edge may have added others, and this one may come back after it.
_TOTALS = f"INSERT INTO totals (site, day, hour, {', '.join(TOTALS)})"
_NAMES = "INSERT INTO names (site, day, dimension, id, text, hits, visits, value, hours)"
_COUNTS = "INSERT INTO counts (site, day, hour, dimension, name, hits, visits, value)"
HOURS = ", ".join(str(hour) for hour in range(24))
LOAD = (
    "SELECT text, id, hits, visits, value, hours FROM names "
    f"WHERE site = ? AND day = ? AND dimension = ? AND id != {OTHER_ID} ORDER BY id"
)
_GROW_TOTALS = f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in TOTALS)}"
ADD_TOTALS = f"{_TOTALS} VALUES ({', '.join('?' * (3 + len(TOTALS)))}) {_GROW_TOTALS}"
GROW = (
    "ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, visits = visits + excluded.visits, "
    "value = value + excluded.value"
)
ADD_COUNTS = f"{_COUNTS} VALUES (?, ?, ?, ?, ?, ?, ?, ?) {GROW}"
SET_NAMES = (
    f"{_NAMES} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET hits = excluded.hits, "
    "visits = excluded.visits, value = excluded.value, hours = excluded.hours"
)
ADD_OTHERS = f"{_NAMES} VALUES (?, ?, ?, {OTHER_ID}, '{OTHER}', ?, ?, ?, 1) {GROW}"
FORGET = "DELETE FROM names WHERE site = ? AND day = ? AND dimension = ? AND id = ?"
ERASE = "DELETE FROM counts WHERE site = ? AND day = ? AND hour = ? AND dimension = ? AND name = ?"
_ROWS = f"site = ? AND day = ? AND hour IN ({HOURS}) AND dimension = ? AND name = ?"
# The rows of a name (site, day, dimension, id) become part of "(other)".
MOVE = (
    f"""{_COUNTS} SELECT site, day, hour, dimension, {OTHER_ID}, hits, visits, value FROM counts
    WHERE {_ROWS} {GROW}""",
    f"DELETE FROM counts WHERE {_ROWS}",
)
ADD_EXCLUDED = (
    "INSERT INTO dropped (site, day, reason, hits) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET hits = hits + excluded.hits"
)
ADD_TIMINGS = (
    "INSERT INTO timings (site, day, timing, bucket, hits, milliseconds) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, milliseconds = milliseconds + excluded.milliseconds"
)
SET_REGISTERS = (
    "INSERT INTO days (site, day, registers) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET registers = excluded.registers"
)
SET_RESTARTED = "INSERT INTO days (site, day, restarted) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET restarted = 1"
SET_IMPORT = (
    "INSERT INTO imports (digest, done, at) VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET done = excluded.done, at = excluded.at"
)
FIND_IMPORT = "SELECT 1 FROM imports WHERE digest = ?"
COUNT_IMPORTS = "SELECT count(*) FROM imports"
BOUND_IMPORTS = (
    "DELETE FROM imports WHERE digest IN (SELECT digest FROM imports ORDER BY at DESC, digest LIMIT -1 OFFSET ?)"
)
FIND_OLD_IMPORTS = "SELECT 1 FROM imports WHERE at < ? LIMIT 1"
OLD_IMPORTS = "DELETE FROM imports WHERE at < ?"

# For `purge`.
DAYS = " UNION ".join(f"SELECT day FROM {table} WHERE site = ?1 AND day < ?2" for table in BY_DAY)
# Wherever there are rows in `counts`, there is one in `totals`, which is small.
DAYS_BY_HOUR = "SELECT DISTINCT day FROM totals WHERE site = ? AND day < ? AND hour >= 0 ORDER BY day"
DROP = {table: f"DELETE FROM {table} WHERE site = ? AND day = ?" for table in BY_DAY}
FLATTEN = (
    f"""{_TOTALS} SELECT site, day, {DAILY}, {", ".join(f"sum({name})" for name in TOTALS)} FROM totals
    WHERE site = ?1 AND day = ?2 AND hour >= 0 GROUP BY site, day {_GROW_TOTALS}""",
    "DELETE FROM totals WHERE site = ?1 AND day = ?2 AND hour >= 0",
    "DELETE FROM counts WHERE site = ?1 AND day = ?2",
    "UPDATE names SET hours = 1 WHERE site = ?1 AND day = ?2",
)
FOLD_NAME = f"""
{_NAMES} SELECT site, day, dimension, {OTHER_ID}, '{OTHER}', hits, visits, value, 1 FROM names
WHERE site = ? AND day = ? AND dimension = ? AND id = ? {GROW}"""
# ?4 is the same text again, or the path with a "?" behind it.
FIND_NAME = """
SELECT day, id, text, hits FROM names WHERE site = ?1 AND dimension = ?2 AND id != 0
AND (text = ?3 OR (?3 != ?4 AND substr(text, 1, length(?4)) = ?4)) ORDER BY text, day"""
