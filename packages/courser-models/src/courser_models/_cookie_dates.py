"""The dates of `Expires`, in all the forms that servers have found for them (RFC 6265 §5.1.1)."""

from __future__ import annotations

import datetime
import re

_BETWEEN = re.compile(r"[\t\x20-/;-@\[-`{-~]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9]|\Z)")
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9]|\Z)")
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9]|\Z)")
# The form that nearly every server writes; the tokens of which are found below as well, one by one.
_USUAL_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2})[ -]([A-Za-z]{3})[ -]([0-9]{4}) "
    r"([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {month: place for place, month in enumerate(_MONTH_NAMES, 1)}


def read_date(text: str) -> float | None:
    """Return a cookie date as seconds since 1970, or None where it is no date."""
    clock = day = month = year = None
    usual = _USUAL_DATE.fullmatch(text)
    if usual is not None and usual[2].lower() in _MONTHS:
        day, month, year = int(usual[1]), _MONTHS[usual[2].lower()], int(usual[3])
        clock = (int(usual[4]), int(usual[5]), int(usual[6]))
    for token in _BETWEEN.split(text) if usual is None else ():
        if clock is None and (match := _TIME.match(token)):
            clock = (int(match[1]), int(match[2]), int(match[3]))
        elif day is None and (match := _DAY.match(token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS[token[:3].lower()]
        elif year is None and (match := _YEAR.match(token)):
            year = int(match[1])
    if clock is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    try:
        return datetime.datetime(year, month, day, *clock, tzinfo=datetime.UTC).timestamp()
    except ValueError:
        return None
