"""What was kept, shown: the JSON interface that the command line and the page read."""

from collector.viewer.api import Live, new_api
from collector.viewer.status import Status

__all__ = ["Live", "Status", "new_api"]
