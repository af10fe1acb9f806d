"""The frozen pydantic base of everything that a recipe can set."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Checked once, never changed afterwards; an unknown key is a fault, not a guess.

    A field's description is the sentence that `slim steps` and the JSON Schema show.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)
