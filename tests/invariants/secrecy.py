"""No secret stands anywhere."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.db import connections

from tests.invariants.scene import Scene


def no_secret_is_written_anywhere(scene: Scene) -> Iterator[str]:
    """No secret stands in any column of any table, nor in the logs and pages given."""
    forms = {form: secret[:3] for secret in scene.secrets for form in _written_forms(secret)}
    if not forms:
        return
    database = connections[scene.database]
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            found = {
                (columns[index], forms[form])
                for row in cursor
                for index, value in enumerate(row)
                for form in forms
                if form in _as_text(value)
            }
            for column, begin in sorted(found):
                yield f"The secret that begins with {begin} stands in {table}.{column}."
    for name, text in scene.texts.items():
        for begin in sorted({forms[form] for form in forms if form in text}):
            yield f"The secret that begins with {begin} stands in {name}."


def _written_forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode()}


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else ""
