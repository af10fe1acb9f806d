"""Reports: results in, a page, a picture and tables out. They read results and nothing else."""

from slimaffect.report.merge import merge
from slimaffect.report.page import write_report
from slimaffect.report.terminal import print_report

__all__ = ["merge", "print_report", "write_report"]
