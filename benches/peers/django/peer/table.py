"""The table of billing groups: which rows, how many, and what each says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import Count

from .access import reachable_groups
from .calendar import SEOUL, invoice_deadline, long_date, short_date
from .words import BANKS, BRANDS, ISSUERS

PAGE_SIZE = 50
NAMES_SHOWN = 3
JUST_NOW = timedelta(minutes=10)
IN_ORDER = ("group_class", "-needs_method", "name", "id")


class Group(NamedTuple):
    """A billing group and how it pays; the method's columns are None without one."""

    id: str
    name: str
    group_class: str
    status: str
    failure: str | None
    account_applied_at: datetime | None
    card_issuer: str | None
    card_owner: str | None
    card_brand: str | None
    card_last_four: str | None
    card_expiry_year: int | None
    card_expiry_month: int | None
    account_bank: str | None
    account_last_four: str | None
    modified_at: datetime | None
    modified_by: str | None


GROUP_FIELDS = Group._fields[:6]
METHOD_FIELDS = Group._fields[6:]
FIELDS = [*GROUP_FIELDS, *(f"payment_method__{field}" for field in METHOD_FIELDS)]
FIRST_GROUPS = f"""
    SELECT billing_groups.id, name, class, status, failure, account_applied_at, {", ".join(METHOD_FIELDS)}
    FROM billing_groups LEFT JOIN payment_methods ON payment_methods.group_id = billing_groups.id
    WHERE organization_id = %s
      AND (%s OR billing_groups.id IN (SELECT group_id FROM group_members WHERE user_id = %s))
    ORDER BY class, needs_method DESC, name, billing_groups.id
    LIMIT {PAGE_SIZE + 1}
"""


@dataclass(slots=True)
class Filter:
    name: str
    required_only: bool

    @property
    def is_open(self):
        return not self.name and not self.required_only

    def applied(self, groups):
        if self.required_only:
            groups = groups.filter(needs_method=True)
        if self.name:
            groups = groups.filter(search_name__contains=self.name.lower())
        return groups


@dataclass(slots=True)
class Seen:
    """What the page shows of the database. `required` and `failing` hold the first few groups only."""

    groups: list
    counts: dict
    page: int
    pages: int
    required: list
    failing: list
    failing_count: int

    @property
    def total(self):
        return sum(self.counts.values())


def look(viewer, wanted, asked_page):
    """One query serves a table that fits a page; only a longer or filtered one needs to be counted."""
    if wanted.is_open and asked_page <= 1:
        return _look_at_first_page(viewer)
    reachable = reachable_groups(viewer)
    counts = _counts(reachable)
    found = sum(counts.values() if wanted.is_open else _counts(wanted.applied(reachable)).values())
    page = min(max(asked_page, 1), _pages(found))
    offset = (page - 1) * PAGE_SIZE
    groups = _fetched(wanted.applied(reachable).order_by(*IN_ORDER)[offset : offset + PAGE_SIZE])
    required = _fetched(reachable.filter(needs_method=True).order_by(*IN_ORDER)[: NAMES_SHOWN + 1])
    return Seen(groups, counts, page, _pages(found), required, *_failing(reachable))


def _look_at_first_page(viewer):
    groups = _first_groups(viewer)
    required = [group for group in groups if group.status == "required"]
    if len(groups) > PAGE_SIZE:
        reachable = reachable_groups(viewer)
        counts = _counts(reachable)
        return Seen(
            groups[:PAGE_SIZE], counts, 1, _pages(sum(counts.values())), required, *_failing(reachable)
        )
    counts = {"required": 0, "card": 0, "account": 0}
    for group in groups:
        counts[group.status] += 1
    failing = [group for group in groups if group.failure]
    failing.sort(key=lambda group: group.failure != "key_deleted")
    return Seen(groups, counts, 1, 1, required, failing, len(failing))


def _pages(groups):
    return max(-(-groups // PAGE_SIZE), 1)


def _failing(reachable):
    """The first groups whose payment method does not pay, a key that is gone first, and how many there are."""
    failing = reachable.filter(failure__isnull=False)
    count = failing.count()
    by_gravity = failing.order_by("-failure", "group_class", "name", "id")
    return (_fetched(by_gravity[: NAMES_SHOWN + 1]) if count else []), count


def _first_groups(viewer):
    """What a page shows and one group more, with the statement written out: see access.VIEWER."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_GROUPS, [viewer.organization_id, viewer.in_main_group, viewer.id])
        return [Group(*row) for row in cursor.fetchall()]


def _fetched(groups):
    return [Group(*row) for row in groups.values_list(*FIELDS)]


def _counts(groups):
    counts = {"required": 0, "card": 0, "account": 0}
    counts.update(groups.order_by().values_list("status").annotate(Count("pk")))
    return counts


@dataclass(slots=True)
class Row:
    """A group as the template writes it. `chip` is None for an account, `due` for a group without a method."""

    id: str
    name: str
    group_class: str
    status: str
    tags: list
    in_review: bool
    chip: str | None = None
    information: str | None = None
    due: str | None = None
    modified: str | None = None
    day: str | None = None
    time: str | None = None
    just_now: bool = False

    @property
    def tag_names(self):
        review = ["review"] if self.in_review else []
        return " ".join(review + [name for name, _, _ in self.tags])


def rows(groups, viewer, now):
    today = (now + SEOUL).date()
    pay_by = f"Pay by {short_date(invoice_deadline(today))}"
    return [_row(group, viewer, now, today, pay_by) for group in groups]


def _row(group, viewer, now, today, pay_by):
    tags = []
    row = Row(
        group.id, group.name, group.group_class, group.status, tags, group.account_applied_at is not None
    )
    if group.modified_at is None:
        return row
    if group.account_bank is None:
        year, month = group.card_expiry_year, group.card_expiry_month
        months_left = (year - today.year) * 12 + month - today.month
        if months_left < 0:
            tags.append(("expired", "Expired", "bad"))
        elif months_left <= 1:
            tags.append(("expiring", "Expires soon", "warn"))
        issuer = ISSUERS.get(group.card_issuer, group.card_issuer)
        row.chip = BRANDS.get(group.card_brand, "KR")
        row.information = f"{issuer} {group.card_owner} ···· {group.card_last_four}"
        row.due = f"Expires {month:02}/{year}"
    else:
        row.information = f"{BANKS.get(group.account_bank, group.account_bank)} ···· {group.account_last_four}"
        row.due = pay_by
    if group.failure == "key_deleted":
        tags.append(("failed", "Cannot be charged", "bad"))
    elif group.failure:
        tags.append(("failed", "Payment failed", "bad"))
    at = group.modified_at + SEOUL
    row.modified = f"{at:%Y-%m-%dT%H:%M:%S}+09:00"
    row.day = short_date(at)
    row.time = f"{at.hour:02}:{at.minute:02} KST"
    row.just_now = group.modified_by == viewer.id and now - group.modified_at < JUST_NOW
    return row


@dataclass(slots=True)
class Banner:
    """The gravest thing that the page has to say, and the group that its button is for."""

    gravity: str
    group: object
    title: str
    body: str

    @property
    def button(self):
        return "Change payment method" if self.gravity == "failed" else "Register payment method"


def banner(seen, before):
    """A restricted service first, then keys that are gone, late fees, payments that failed; None when all pay."""
    required = seen.required[0] if seen.required else None
    failing = seen.failing[0] if seen.failing else None
    if required and required.group_class == "main":
        return _restricted(required)
    if failing and (not required or failing.failure == "key_deleted"):
        return _failed(failing, seen, long_date(before))
    return _late_fee(required, seen, long_date(before)) if required else None


def _restricted(group):
    return Banner(
        "restricted",
        group,
        "Service use is restricted",
        f"The main billing group “{group.name}” has no payment method. Register one to start using services.",
    )


def _failed(group, seen, before):
    if seen.failing_count > 1:
        names = listed(seen.failing, seen.failing_count)
        title = f"{seen.failing_count:,} billing groups have a payment method that does not pay"
        what, whose = f"each before {before}: {names}", "their invoices stay"
    else:
        gone = group.failure == "key_deleted"
        title = (
            f"The card of {group.name} can no longer be charged"
            if gone
            else f"The last automatic payment of {group.name} failed"
        )
        what, whose = f"{group.name} before {before}", "its invoice stays"
    start = "Change the payment method of"
    return Banner("failed", group, title, f"{start} {what}. Until then {whose} unpaid, and late fees may apply.")


def _late_fee(group, seen, before):
    count = seen.counts["required"]
    if count > 1:
        title = f"{count:,} groups have no payment method"
        body = f"Register one for each before {before} to avoid late fees: {listed(seen.required, count)}"
    else:
        title = f"{group.name} has no payment method"
        body = f"Register one for {group.name} before {before} to avoid late fees."
    return Banner("late-fee", group, title, body)


def listed(groups, count):
    """a, b, c and 7 more"""
    names = ", ".join(group.name for group in groups[:NAMES_SHOWN])
    more = count - min(len(groups), NAMES_SHOWN)
    return f"{names} and {more:,} more" if more > 0 else names
