"""The billing calendar of Asia/Seoul and how its days are written."""

from datetime import date, timedelta

SEOUL = timedelta(hours=9)
MONTHS = (
    "January February March April May June July August September October November December"
).split()


def first_charge(today):
    """The first 10th strictly after today."""
    return _next_day_of_month(10, today)


def next_tax_invoice(today):
    """The first 15th strictly after today."""
    return _next_day_of_month(15, today)


def invoice_deadline(today):
    """The last day of the month."""
    return _first_of_next_month(today) - timedelta(days=1)


def _next_day_of_month(day, today):
    this_month = today.replace(day=day)
    return this_month if this_month > today else _first_of_next_month(today).replace(day=day)


def _first_of_next_month(today):
    return date(today.year + today.month // 12, today.month % 12 + 1, 1)


def long_date(day):
    """10 December 2026"""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def short_date(day):
    """10 Dec 2026"""
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"
