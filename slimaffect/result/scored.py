"""From scores to their record in the result."""

from collections.abc import Mapping
from dataclasses import asdict

from slimaffect.evaluate.calibration import Calibration
from slimaffect.evaluate.kept import Kept
from slimaffect.evaluate.scores import Scores
from slimaffect.evaluate.versus import Versus
from slimaffect.result.records import Number, SiteScore, VariantScores, VersusBaseline


def scores_record(
    scores: Scores,
    *,
    interval: tuple[float, float] | None = None,
    versus: Versus | None = None,
    subjects: Mapping[str, Mapping[str, Number]] | None = None,
    moments: Kept | None = None,
    calibration: Mapping[str, Calibration] | None = None,
) -> VariantScores:
    """Turn scores into their record; what is told of single people is left out to hide them.

    Args:
        scores: of one variant.
        interval: of its CCC.
        versus: against the baseline.
        subjects: site -> subject -> CCC.
        moments: site -> subject -> what people can be resampled from.
        calibration: site -> bias and gain.
    """
    sites = {
        site: SiteScore(
            **vars(one),
            ccc_of_subjects=None if subjects is None else dict(subjects[site]),
            moments_of_subjects=None if moments is None else moments[site],  # pyright: ignore[reportArgumentType]
            **({} if calibration is None else vars(calibration[site])),
        )
        for site, one in scores.sites.items()
    }
    plain = {key: value for key, value in vars(scores).items() if key not in ("sites", "ccc_of_seeds")}
    against = None if versus is None else VersusBaseline(**asdict(versus))
    return VariantScores(
        **plain, seeds=len(scores.ccc_of_seeds), sites=sites, ccc_interval=interval, versus_baseline=against
    )
