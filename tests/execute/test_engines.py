"""Wherever tasks run, the same ones end with the same scores: processes here, a Ray cluster of two nodes, Slurm jobs.

Ray and submitit are extras: without them these tests are left out, and say so.
"""

import numpy as np
import pytest

from slimaffect.evaluate.answers import Answers, pooled
from slimaffect.evaluate.metrics import ccc
from slimaffect.execute.cache import Cache
from slimaffect.execute.deploy import answers_file
from slimaffect.execute.execution import Execution
from slimaffect.execute.plan import Plan
from slimaffect.execute.schedule import execute

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ends(training):
    """What ends a small recipe: two folds are trained, and one is exported and scored."""
    return [training("S1", deploy=True), training("S2")]


@pytest.fixture(scope="module")
def run(tmp_path_factory, clips, ends, silent):
    """Run the tasks on an engine, and answer the cache that they lie in."""

    def run(on, **settings) -> Cache:
        cache = Cache(tmp_path_factory.mktemp(on) / "tasks")
        execute(Plan(ends, cache), clips, cache, Execution(on=on, device="cpu", **settings), silent)
        return cache

    return run


@pytest.fixture(scope="module")
def at_home(run) -> Cache:
    """What processes of this machine find."""
    return run("local", workers=2)


def scores(cache, ends):
    """CCC of valence and arousal on the held-out site, for every file and runtime that competes."""
    folder, found = cache.folder(ends[0].key), {}
    for file, runtime in cache.record(ends[0].key)["figures"]["contenders"]:
        said = pooled(Answers.load(answers_file(folder, file, runtime)))
        found[file, runtime] = [ccc(*(one[:, which] for one in said)) for which in (0, 1)]
    return found


def agree(cache, at_home, ends):
    """The scores are those of processes here to 1e-6, and the weights behind them to the bit."""
    expected, found = scores(at_home, ends), scores(cache, ends)
    assert expected
    assert found.keys() == expected.keys()
    assert np.allclose([found[key] for key in expected], [*expected.values()], atol=1e-6, rtol=0)
    for task in (one.chain[0] for one in ends):
        mine, theirs = ((c.folder(task.key) / "weights.safetensors").read_bytes() for c in (cache, at_home))
        assert mine == theirs


def tried_once(cache, ends):
    """No task was done twice, and more than one process did them."""
    tries = [cache.record(link.key)["attempts"] for task in ends for link in task.chain]
    assert [len(one) for one in tries] == [1] * len(tries)
    assert len({attempt["pid"] for one in tries for attempt in one}) > 1


def test_a_ray_cluster_of_two_nodes_finds_the_same_scores(run, at_home, ends, monkeypatch):
    """One task on each node at a time; what they find is told apart from what processes here find by nothing."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_worker_niceness", "0")  # by default they give way to everything else
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        cache = run("ray", address=cluster.address)
    finally:
        cluster.shutdown()
    agree(cache, at_home, ends)
    tried_once(cache, ends)
    assert not list((cache.root.parent / "orders").iterdir())  # nothing is left of the order


def test_submitit_jobs_find_the_same_scores(run, at_home, ends):
    """The jobs are those that Slurm would be given, run as processes here."""
    pytest.importorskip("submitit")
    cache = run("slurm", slurm={"cluster": "local"}, workers=2)
    agree(cache, at_home, ends)
    tried_once(cache, ends)
