"""Days where the organisation is: those that a deadline, the last day of a waiver and the day of a release mean.

The warehouse has the same as `ctl.local_day(moment)`, made from TIME_ZONE when it is migrated.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TIME_ZONE = "Asia/Ho_Chi_Minh"


def today() -> date:
    """The day that it is now."""
    return datetime.now(ZoneInfo(TIME_ZONE)).date()


def end_of(day: date) -> datetime:
    """The moment at which a day is over."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(TIME_ZONE))
