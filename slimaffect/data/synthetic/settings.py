"""What can be set about the synthetic dataset: its size, its seed, and how hard it is to read."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from slimaffect.settings import Settings

SiteName = Literal["S1", "S2", "S3", "S4"]
Knob = Annotated[float, Field(ge=0, le=4)]


class SyntheticSettings(Settings):
    """Drawn people at several sites, filmed while affect moves their faces.

    The defaults of the knobs were chosen so that a small CNN-LSTM reaches a CCC of about 0.6 leave-one-site-out.
    """

    subjects: Annotated[int, Field(ge=1, le=2000)] = 45
    """People in all, dealt over the sites; asking for more adds people and leaves the first ones as they are."""
    sites: tuple[SiteName, ...] = ("S1", "S2", "S3", "S4")
    """Which of the four recording sites to draw."""
    recordings: Annotated[int, Field(ge=1, le=100)] = 1
    """Recordings of each person."""
    seconds: Annotated[float, Field(ge=1, le=7200)] = 110.0
    """Length of a recording; 110 s is just enough for all ten tasks of a session."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The same seed and settings draw the same people, with the same faces and affect."""
    identity_spread: Knob = 0.27
    """How much resting faces and expressivity differ between people: what makes unseen subjects hard."""
    expression: Knob = 1.7
    """How strongly affect moves the face."""
    burst: Knob = 1.0
    """How much an expression comes and goes while the affect behind it stays."""
    confounds: Knob = 0.8
    """How often a face moves for other reasons: speech, posed smiles and frowns, concentration."""
    motion: Knob = 1.5
    """How much the head moves; its energy follows arousal."""
    tempo: Knob = 1.6
    """How much faster brows, lids and head move when arousal is high: what only a sequence shows."""
    static_arousal: Knob = 0.9
    """How much arousal shows in a single frame, as raised lids and brows."""
    shift: Knob = 0.5
    """How far the sites stand apart in camera, light and labels; 0 makes them equal but for size and background."""
    label_shift: Knob = 1.0
    """Share of `shift` that reaches the labels (bias, gain and delay of a site's annotators)."""
    lag: Knob = 1.0
    """Reaction time of the annotators, as a factor on 0.3 to 1.0 s and on the site's own delay."""

    @model_validator(mode="after")
    def _sites_are_distinct(self) -> "SyntheticSettings":
        if not self.sites or len(set(self.sites)) < len(self.sites):
            raise ValueError(f"sites is {list(self.sites)}; name one or more of S1, S2, S3, S4, each once")
        return self
