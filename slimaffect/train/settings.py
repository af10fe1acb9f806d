"""What a recipe can set about training."""

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from slimaffect.settings import Settings

Share = Annotated[float, Field(ge=0, le=1)]
Range = Annotated[float, Field(ge=0, lt=1)]


class AugmentSettings(Settings):
    """How far a clip's faces are altered, all frames of a clip alike; each number is a standard deviation."""

    flip: Share = 0.5
    """Share of clips that are mirrored."""
    rotation: Range = 0.10
    """Rotation in the picture's plane, in radians."""
    scale: Range = 0.07
    """Change of size."""
    shift: Range = 0.06
    """Shift, in half pictures."""
    gain: Range = 0.10
    """Gain of the three colours together."""
    colour: Range = 0.10
    """Gain of each colour alone."""
    desaturation: Range = 0.3
    """Largest share of colour that is taken away."""
    contrast: Range = 0.15
    """Change of contrast about mid-grey."""
    brightness: Range = 0.08
    """Offset added to all planes."""


class Stage(Settings):
    """One stage of training. Epochs are shared out among the stages; an epoch is a fixed number of steps."""

    share: Share
    """Share of the epochs; 0 leaves the stage out."""
    steps: PositiveInt
    """Steps in an epoch."""
    batch: PositiveInt
    """Frames (stage `frames`) or windows (the others) in a step."""
    rate: PositiveFloat
    """Highest learning rate, reached after the warm-up."""


class FramesStage(Stage):
    """The CNN learns from single frames of all subjects, under a linear head that is thrown away."""

    share: Share = 6 / 12
    steps: PositiveInt = 120
    batch: PositiveInt = 128
    rate: PositiveFloat = 3e-3


class SequencesStage(Stage):
    """The LSTM learns from the CNN's features, which are computed once for a few augmented views."""

    share: Share = 2 / 12
    steps: PositiveInt = 220
    batch: PositiveInt = 24
    rate: PositiveFloat = 5e-3
    frames: PositiveInt = 100
    """Frames in a window."""
    unscored: Annotated[int, Field(ge=0)] = 20
    """Frames at a window's start that only warm the LSTM up."""
    views: PositiveInt = 1
    """Augmented views of each recording whose features are kept; each costs one pass over all frames."""


class EndToEndStage(Stage):
    """CNN and LSTM learn together from short windows, batch norm frozen, slowly: the CNN learns what moves."""

    share: Share = 4 / 12
    steps: PositiveInt = 50
    batch: PositiveInt = 6
    rate: PositiveFloat = 6e-4
    frames: PositiveInt = 52
    """Frames in a window; windows of 28 frames did worse at the same cost."""
    unscored: Annotated[int, Field(ge=0)] = 20
    """Frames at a window's start that only warm the LSTM up."""


class RanksSettings(Settings):
    """How a batch is shared out where several processes train one model (execution.ranks), or where memory is short."""

    batch: Literal["split", "each"] = "split"
    """`split`: the ranks share the batch, and learn what one process would; `each`: every rank has a whole one."""
    rate: Literal["same", "sqrt", "linear"] = "linear"
    """With `each`, how the learning rate grows with the batch (linear: Goyal et al. 2017, arXiv 1706.02677)."""
    sync_batch_norm: bool = False
    """Batch norms of stage `frames` measure all ranks' maps; otherwise each its own part's, averaged every epoch."""
    accumulate: PositiveInt = 1
    """Answer a batch in so many parts, one after the other: less memory, one more forward, the same gradient."""

    def grown(self, stage: "Stage", count: int) -> dict[str, float]:
        """Answer a stage's steps, batch and rate for so many ranks: an epoch passes as many frames as before."""
        if self.batch == "split" or count == 1:
            return {}
        rate = stage.rate * {"same": 1.0, "sqrt": count**0.5, "linear": float(count)}[self.rate]
        return {"batch": stage.batch * count, "steps": max(1, round(stage.steps / count)), "rate": rate}


class TrainSettings(Settings):
    """How a model is trained. `epochs` is the dial; the rest has defaults that were measured."""

    epochs: PositiveInt = 12
    """Length of training; 12 is some 80 s for the reference model on one core, and time grows in proportion."""
    frames: FramesStage = FramesStage()
    """First stage: the CNN, on single frames."""
    sequences: SequencesStage = SequencesStage()
    """Second stage: the LSTM, on features of whole recordings."""
    end_to_end: EndToEndStage = EndToEndStage()
    """Third stage: both together. It pays after a long first stage, not instead of one."""
    augment: AugmentSettings = AugmentSettings()
    """How clips are altered."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    """AdamW's decay of weights; biases and batch norms are left alone."""
    warm_up: Share = 0.15
    """Share of a stage in which the learning rate rises; then it falls to zero."""
    clip_norm: PositiveFloat = 1.0
    """Largest norm of a step's gradient."""
    keep: Literal["last", "best"] = "last"
    """Keep the last weights, or those of the epoch that is best on validation subjects."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.25
    """Share of each site's subjects that `keep: best` takes out of training to choose the epoch."""
    amp: Literal["auto", "off"] = "auto"
    """`auto` computes the CNN as the processor does it fastest, in bfloat16 where it has instructions for that."""

    ranks: RanksSettings = RanksSettings()
    """Several processes for one model, and batches in parts."""

    def for_ranks(self, count: int) -> "TrainSettings":
        """Answer these settings as so many ranks follow them."""
        stages = {name: getattr(self, name) for name in ("frames", "sequences", "end_to_end")}
        grown = {name: one.model_copy(update=self.ranks.grown(one, count)) for name, one in stages.items()}
        return self if count == 1 else self.model_copy(update=grown)

    @model_validator(mode="after")
    def _some_stage_is_left(self) -> "TrainSettings":
        if not any(stage.share for stage in (self.frames, self.sequences, self.end_to_end)):
            raise ValueError("frames.share, sequences.share and end_to_end.share are all 0; give one of them epochs")
        return self
