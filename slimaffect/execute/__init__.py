"""Where tasks run: local processes, Ray or Slurm, with a cache that lets a killed run go on where it stopped."""

from slimaffect.execute.execution import Execution
from slimaffect.execute.plan import Plan
from slimaffect.execute.schedule import execute
from slimaffect.execute.task import Task, tasks_of

__all__ = ["Execution", "Plan", "Task", "execute", "tasks_of"]
