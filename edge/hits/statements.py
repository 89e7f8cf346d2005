"""What the ledger says to SQLite. Names of tables and columns are put in from `schema`, values never."""
# ruff: noqa: S608

from __future__ import annotations

from edge.hits.schema import BY_DAY, DAILY, OTHER_ID, TOTALS

HOURS = ", ".join(str(hour) for hour in range(DAILY, 24))
LOAD = f"""
SELECT text, id, hits, visits, value, hours FROM names JOIN (
  SELECT name, sum(hits) AS hits, sum(visits) AS visits, sum(value) AS value, sum(1 << (hour + 1)) AS hours
  FROM counts WHERE site = ?1 AND day = ?2 AND hour IN ({HOURS}) AND dimension = ?3 GROUP BY name
) ON name = id WHERE site = ?1 AND day = ?2 AND dimension = ?3 ORDER BY id"""
_GROW_TOTALS = f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in TOTALS)}"
ADD_TOTALS = f"INSERT INTO totals VALUES ({', '.join('?' * (3 + len(TOTALS)))}) {_GROW_TOTALS}"
GROW = (
    "ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, visits = visits + excluded.visits, "
    "value = value + excluded.value"
)
ADD_COUNTS = f"INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?) {GROW}"
CREATE = "INSERT INTO names VALUES (?, ?, ?, ?, ?)"
FORGET = "DELETE FROM names WHERE site = ? AND day = ? AND dimension = ? AND id = ?"
ERASE = "DELETE FROM counts WHERE site = ? AND day = ? AND hour = ? AND dimension = ? AND name = ?"
_ROWS = f"site = ? AND day = ? AND hour IN ({HOURS}) AND dimension = ? AND name = ?"
# The rows of a name (site, day, dimension, id) become part of "(other)".
MOVE = (
    f"""INSERT INTO counts SELECT site, day, hour, dimension, {OTHER_ID}, hits, visits, value FROM counts
    WHERE {_ROWS} {GROW}""",
    f"DELETE FROM counts WHERE {_ROWS}",
)
ADD_EXCLUDED = "INSERT INTO dropped VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET hits = hits + excluded.hits"
ADD_TIMINGS = (
    "INSERT INTO timings VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET hits = hits + excluded.hits, "
    "milliseconds = milliseconds + excluded.milliseconds"
)
SET_REGISTERS = (
    "INSERT INTO days (site, day, registers) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET registers = excluded.registers"
)
SET_RESTARTED = "INSERT INTO days (site, day, restarted) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET restarted = 1"
SET_IMPORT = "INSERT INTO imports VALUES (?, ?) ON CONFLICT DO UPDATE SET done = excluded.done"

# For `purge`.
DAYS = " UNION ".join(f"SELECT day FROM {table} WHERE site = ?1 AND day < ?2" for table in BY_DAY)
# Wherever there are rows in `counts`, there is one in `totals`, which is small.
DAYS_BY_HOUR = "SELECT DISTINCT day FROM totals WHERE site = ? AND day < ? AND hour >= 0 ORDER BY day"
DROP = {table: f"DELETE FROM {table} WHERE site = ? AND day = ?" for table in BY_DAY}
FLATTEN = (
    f"""INSERT INTO totals SELECT site, day, {DAILY}, {", ".join(f"sum({name})" for name in TOTALS)} FROM totals
    WHERE site = ?1 AND day = ?2 AND hour >= 0 GROUP BY site, day {_GROW_TOTALS}""",
    "DELETE FROM totals WHERE site = ?1 AND day = ?2 AND hour >= 0",
    f"""INSERT INTO counts SELECT site, day, {DAILY}, dimension, name, sum(hits), sum(visits), sum(value) FROM counts
    WHERE site = ?1 AND day = ?2 AND hour >= 0 GROUP BY site, day, dimension, name {GROW}""",
    "DELETE FROM counts WHERE site = ?1 AND day = ?2 AND hour >= 0",
)
FIND_PATH = """
SELECT day, id FROM names
WHERE site = ?1 AND dimension = ?2 AND (text = ?3 OR substr(text, 1, length(?4)) = ?4)"""
