"""The journal is there when somebody keeps one, and silent otherwise."""

from slimaffect.train.journal import Journal, journal, keeping


def test_without_a_journal_training_is_silent() -> None:
    """A fresh default each time: nothing is kept between trainings."""
    journal().examples += 5
    journal().epoch("frames", 1, 3, loss=0.5)
    assert journal().examples == 0
    assert journal().checkpoint is None


def test_a_journal_is_open_inside_its_block_only() -> None:
    """Journals nest, and close when the block ends."""
    outer, inner = Journal(), Journal()
    with keeping(outer):
        with keeping(inner) as opened:
            assert journal() is inner is opened
        assert journal() is outer
    assert journal() is not outer
