"""Where tasks run: a pool of local processes, with a cache that lets a killed run go on where it stopped."""

from slimaffect.execute.pool import Execution, execute
from slimaffect.execute.task import Task, tasks_of

__all__ = ["Execution", "Task", "execute", "tasks_of"]
