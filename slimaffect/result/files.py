"""Results on disk: written whole or not at all, read with the fault named."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from slimaffect.errors import ResultError
from slimaffect.files import OWNER_ONLY, whole
from slimaffect.result.records import SCHEMA, Result, number


def write_result(result: Result, path: Path) -> Path:
    """Write result.json with sorted keys and lists of numbers on one line: complete, or not at all."""
    text = _lists_on_a_line(json.dumps(plain(result), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False))
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path, OWNER_ONLY) as file:
        file.write_text(text + "\n", encoding="utf-8")
    return path


def read_result(path: Path) -> Result:
    """Read a result.json, or the one in a folder: of any minor version, newer ones included.

    Fields of a newer one are kept and not shown; those that an older one lacks are None.

    Raises:
        ResultError: there is none, it is no JSON, it has another schema, or fields do not fit.
    """
    path = path / "result.json" if path.is_dir() else path
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultError(f"{path}: there is no result here. `slim run RECIPE` writes one.") from None
    except (ValueError, OSError) as error:
        raise ResultError(f"{path}: this cannot be read as JSON ({error}). Run the recipe again.") from error
    _refuse_other_schema(path, found)
    try:
        return Result.model_validate({"schema_minor": 0} | found)
    except ValidationError as error:
        raise ResultError(f"{path}: {_first_faults(error)}. Run the recipe again, or mend the file.") from error


def json_schema() -> dict[str, Any]:
    """Describe result.json as a JSON Schema, for those who read it with other tools."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Result.model_json_schema(by_alias=True)}


def write_schema(path: Path) -> Path:
    """Write the JSON Schema of result.json."""
    path.write_text(json.dumps(json_schema(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def plain(result: Result) -> dict[str, Any]:
    """Turn a result into what JSON can hold; NaN and infinity, wherever they hide, become None."""
    return _without_nan(result.model_dump(mode="json", by_alias=True))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return number(value)


def _lists_on_a_line(text: str) -> str:
    """Put a list without text or parts on one line. Inside a JSON string no line ends, so no string is touched."""
    return re.sub(r"\[\n([^\[\]{}\"]+)\n *\]", lambda found: f"[{' '.join(found[1].split())}]", text)


def _refuse_other_schema(path: Path, found: Any) -> None:
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise ResultError(
            f"{path}: its schema is {schema!r}, and this version of slimaffect reads {SCHEMA!r}. "
            "Use the version that wrote it, or run the recipe again with this one."
        )


def _first_faults(error: ValidationError) -> str:
    faults = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    more = f" (and {len(faults) - 3} more)" if len(faults) > 3 else ""
    return "; ".join(faults[:3]) + more
