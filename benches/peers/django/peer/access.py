"""Who is signed in and which billing groups they reach, read from the database at every request."""

from typing import NamedTuple

from django.db import connection

from .models import BillingGroup, User

ADMINISTRATOR = "billing_administrator"
ROLE_NAMES = {
    "billing_administrator": "Billing Administrator",
    "billing_manager": "Billing Manager",
    "billing_viewer": "Billing Viewer",
    "support": "Support staff",
    "none": "No role",
}

# Written out, since Django would build the statement anew at every request, which costs more than SQLite's answer.
VIEWER = """
    SELECT users.id, users.name, users.email, users.role, organizations.id, organizations.name,
           EXISTS (SELECT 1 FROM group_members JOIN billing_groups ON billing_groups.id = group_members.group_id
                   WHERE group_members.user_id = users.id AND billing_groups.class = 'main'
                     AND billing_groups.organization_id = users.organization_id)
    FROM users LEFT JOIN organizations ON organizations.id = users.organization_id
    WHERE users.id = %s AND users.disabled_at IS NULL
"""


class Viewer(NamedTuple):
    id: str
    name: str
    email: str
    role: str
    organization_id: str | None
    organization_name: str | None
    in_main_group: bool


def viewer(user_id):
    """The user with organization and membership in its main group, in one query; None when disabled."""
    with connection.cursor() as cursor:
        row = cursor.execute(VIEWER, [user_id]).fetchone()
    return row and Viewer(*row)


def is_administrator(viewer):
    return viewer.role == ADMINISTRATOR and viewer.organization_id is not None


def reachable_groups(viewer):
    """Every group of the organization for members of its main group, else the groups they are members of."""
    groups = BillingGroup.objects.filter(organization=viewer.organization_id)
    return groups if viewer.in_main_group else groups.filter(members__user=viewer.id)


def whom_to_ask(viewer):
    """Up to three other administrators of the organization, masked."""
    addresses = (
        User.objects.filter(organization=viewer.organization_id, role=ADMINISTRATOR, disabled_at=None)
        .exclude(pk=viewer.id)
        .order_by("email")
        .values_list("email", flat=True)[:3]
    )
    return ", ".join(f"{local[:1]}***@{domain}" for local, _, domain in (a.partition("@") for a in addresses))


def initials(name):
    """Kim Hana: KH; 김하나: 하나."""
    if name.isascii():
        return "".join(word[0] for word in name.split()[:2]).upper()
    return "".join(name.split())[-2:]
