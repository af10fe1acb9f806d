"""The frozen pydantic base of everything that a recipe can set."""

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from slimaffect.errors import ModelError


class Settings(BaseModel):
    """Checked once, never changed afterwards; an unknown key is a fault, not a guess.

    A field's description is the sentence that `slim steps` and the JSON Schema show.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class NamedFile(Settings):
    """A file that a recipe names. Its hash is kept, because a task's key must change with the file."""

    path: Annotated[str, Field(min_length=1)]
    """The file."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """What the file must hash to; without it, the hash of what is found is kept with the recipe."""

    @model_validator(mode="before")
    @classmethod
    def _hash_is_kept(cls, given: Any) -> Any:
        """Read the hash while the recipe is read; a path alone will do."""
        told = {"path": given} if isinstance(given, str) else given
        if not isinstance(told, dict) or told.get("sha256") or not isinstance(told.get("path"), str):
            return told
        return told | {"sha256": _hash_of(told["path"])}

    def verified(self) -> Path:
        """Answer where the file lies, if it is still the one that was declared.

        Raises:
            ModelError: it cannot be read, or it is another one.
        """
        try:
            found = _hash_of(self.path)
        except ValueError as error:
            raise ModelError(f"{error}.") from error
        if self.sha256 != found:
            raise ModelError(
                f"{self.path} has sha256 {found[:12]}..., the recipe declares {(self.sha256 or '')[:12]}... "
                "Restore the file, or declare the new hash."
            )
        return Path(self.path).expanduser()


def _hash_of(path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; give the path of a file that can be read") from error
