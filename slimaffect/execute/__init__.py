"""Where tasks run: a pool of local processes, with a cache that lets a killed run go on where it stopped."""

from slimaffect.execute.pool import Execution, Plan, execute
from slimaffect.execute.task import Task, tasks_of

__all__ = ["Execution", "Plan", "Task", "execute", "tasks_of"]
