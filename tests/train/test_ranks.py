"""Several ranks learn what one process learns from the same batches. The ranks are threads with a gloo group each."""

import threading
from datetime import timedelta

import numpy as np
import pytest
import torch
import torch.distributed as dist

from slimaffect.data.clips import Recording, cut
from slimaffect.errors import RunError
from slimaffect.model.losses import Batch, LabelLoss, concordance
from slimaffect.model.net import AffectNet, Answer
from slimaffect.model.shapes import shape
from slimaffect.model.spec import Lstm
from slimaffect.train.backward import backward
from slimaffect.train.learner import Learner
from slimaffect.train.loop import train
from slimaffect.train.pool import Pool
from slimaffect.train.ranks import Part, Ranks, joining, ranks, whole
from slimaffect.train.settings import TrainSettings
from slimaffect.train.stages import STAGES

STILL = {"flip": 0.5, "rotation": 0.1}


def together(count, do):
    """Run a function on so many ranks at once; answer what each returned."""
    store, found = dist.HashStore(), [None] * count

    def run(number):
        group = dist.ProcessGroupGloo(store, number, count, timedelta(seconds=60))
        try:
            with joining(Ranks(number, count, group)):
                found[number] = do()
        except BaseException as error:  # noqa: BLE001  (the test looks at it)
            found[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found


def clips():
    random, people = np.random.default_rng(0), []
    for number in range(3):
        frames = random.integers(0, 255, (40, 3, 32, 32), dtype=np.uint8)
        affect = np.tanh(random.normal(size=(40, 2)).cumsum(0) * 0.2)
        known = random.random(40) < 0.9  # shares of valid frames differ between ranks: averaging would be wrong
        people.append(Recording("S1", f"p{number}", "t", frames, affect, known, np.arange(40) / 5.0, str(number)))
    return cut(people, length=16, stride=8, rate=5.0)


def net(**changed):
    torch.manual_seed(0)
    spec = shape("micro").model_copy(update={"pixels": 32, "lstm": Lstm(hidden=8, dropout=0.0), **changed})
    return AffectNet(spec)


def settings(**told):
    stages = {"frames": {"batch": 8, "steps": 3, "share": 0.5}, "sequences": {"share": 0}}
    last = {"end_to_end": {"batch": 8, "steps": 3, "share": 0.5, "frames": 12, "unscored": 2}}
    return TrainSettings.model_validate({"epochs": 2, "amp": "off", **stages, **last, "ranks": told})


def gradient(stage, model, **told):
    """The gradient of one step, and its loss."""
    learner = Learner(model, LabelLoss(), settings(**told), seed=1)
    course = STAGES[stage](learner, Pool(clips()))
    _, loss = backward(course, 0, learner, "dropout")
    grads = {n: p.grad.clone() for n, p in learner.net.named_parameters() if p.grad is not None}
    return grads, loss.item()


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("stage", ["frames", "end_to_end"])
def test_gradient_of_ranks_is_that_of_one_process(stage, count):
    """Every rank ends with the gradient of the whole batch to 1e-5 of its size, batch norms included, and its loss."""
    model = net(lstm=Lstm(layers=0, dropout=0.0)) if stage == "frames" else net()
    expected, loss = gradient(stage, model, sync_batch_norm=True)
    size = torch.cat([grad.flatten() for grad in expected.values()]).norm()
    for grads, said in together(count, lambda: gradient(stage, model, sync_batch_norm=True)):
        assert said == pytest.approx(loss, abs=1e-5)
        assert grads.keys() == expected.keys()
        assert max((grads[name] - expected[name]).abs().max() for name in expected) < 1e-5 * max(1.0, size)


def test_batch_in_parts_has_the_gradient_of_the_batch():
    """Accumulation answers twice and adds up what one pass would have found, alone and on two ranks."""
    model = net()
    expected, loss = gradient("end_to_end", model)
    alone, said = gradient("end_to_end", model, accumulate=4)
    for grads, told in [(alone, said), *together(2, lambda: gradient("end_to_end", model, accumulate=2))]:
        assert told == pytest.approx(loss, abs=1e-5)
        assert max((grads[name] - expected[name]).abs().max() for name in expected) < 1e-5


@pytest.mark.parametrize("count", [2, 4])
def test_ccc_is_that_of_all_ranks(count):
    """CCC is gathered, not averaged: the mean of the ranks' CCC is another number."""
    torch.manual_seed(0)
    said, labels = torch.randn(8, 5, 2), torch.randn(8, 5, 2)
    valid = torch.rand(8, 5) < 0.7

    def ccc():
        mine = ranks().part
        answer = Answer(mine.of(said), mine.of(said), None)
        own = concordance(mine.of(said), mine.of(labels), mine.of(valid))
        names = tuple(f"person {number}" for number in range(8))
        all_answers, batch = whole(answer, Batch(mine.of(labels), mine.of(valid), whose=mine.of(names)))
        assert batch.whose == names
        return own, concordance(all_answers.affect, batch.affect, batch.valid)

    expected = concordance(said, labels, valid)
    found = together(count, ccc)
    assert all(torch.allclose(both, expected, atol=1e-6) for _, both in found)
    assert (torch.stack([own for own, _ in found]).mean(0) - expected).abs().max() > 1e-3


def test_training_on_two_ranks_ends_with_the_weights_of_one():
    """A whole training of two stages: ranks agree to the bit, and with one process to 1e-5."""
    model = net()
    told = settings(sync_batch_norm=True).model_copy(
        update={"frames": settings().frames.model_copy(update={"share": 0})}
    )
    alone = train(model, clips(), LabelLoss(), told, seed=3).state_dict()
    first, second = (one.state_dict() for one in together(2, lambda: train(model, clips(), LabelLoss(), told, seed=3)))
    for name, weight in alone.items():
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name].float(), weight.float(), atol=1e-5)


def test_a_batch_that_cannot_be_split_says_so():
    """The message has both numbers and the way out."""
    with pytest.raises(RunError, match=r"batch of 6 cannot be split evenly into 4 parts.*multiple of 4"):
        Part(0, 4).of(list(range(6)))


@pytest.mark.parametrize(("rate", "factor"), [("same", 1), ("sqrt", 2), ("linear", 4)])
def test_a_batch_each_grows_batch_and_rate_and_shortens_the_epoch(rate, factor):
    """With `each`, four ranks pass as many frames in an epoch as one, in a quarter of the steps."""
    before = TrainSettings()
    after = TrainSettings.model_validate({"ranks": {"batch": "each", "rate": rate}}).for_ranks(4)
    assert after.frames.batch == 4 * before.frames.batch
    assert after.frames.steps == before.frames.steps // 4
    assert after.frames.rate == pytest.approx(factor * before.frames.rate)
    assert TrainSettings().for_ranks(4).frames == before.frames
