"""Is a dataset what its owner thinks it is? Sites, cameras, labels, delay, copies, and whether masks tell the site."""

from slimaffect.data.check.check import Check, check_dataset, refuse_uneven
from slimaffect.data.check.page import write_check
from slimaffect.data.check.tables import check_tables

__all__ = ["Check", "check_dataset", "check_tables", "refuse_uneven", "write_check"]
