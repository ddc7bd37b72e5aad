"""GET /billing/payment-methods"""

import secrets
from datetime import datetime, timezone
from urllib.parse import quote

from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.template.loader import get_template
from django.views.decorators.http import require_safe

from . import access, sessions, table
from .calendar import SEOUL, first_charge, next_tax_invoice, short_date

TAB = get_template("tab.html")
NO_GROUP = get_template("no_group.html")
ROLE_NEEDED = get_template("role_needed.html")

# What the console sends with every page.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}


@require_safe
@transaction.atomic
def payment_methods(request):
    user_id = sessions.user_of(request.session)
    viewer = user_id and access.viewer(user_id)
    if not viewer:
        return HttpResponseRedirect("/sign-in")
    if not access.is_administrator(viewer):
        return page(request, ROLE_NEEDED, viewer, status=403, whom_to_ask=access.whom_to_ask(viewer))
    wanted = table.Filter(request.GET.get("q", "").strip()[:100], request.GET.get("status") == "required")
    seen = table.look(viewer, wanted, asked_page(request.GET.get("page", "")))
    if seen.total == 0:
        return page(request, NO_GROUP, viewer, whom_to_ask=access.whom_to_ask(viewer))

    now = datetime.now(timezone.utc).replace(tzinfo=None)
    today = (now + SEOUL).date()
    charged = first_charge(today)
    banner = table.banner(seen, charged)
    required = seen.counts["required"]
    return page(
        request,
        TAB,
        viewer,
        banner=banner,
        # One button is filled: the row's where it is the only one, else the banner's.
        fills_rows=required == 1 and banner is not None and banner.gravity != "failed",
        seen=seen,
        required_list=table.listed(seen.required, required),
        first_charge=short_date(charged),
        tax_invoice=short_date(next_tax_invoice(today)),
        rows=table.rows(seen.groups, viewer, now),
        filter=wanted,
        filter_query=filter_query(wanted),
    )


def asked_page(text):
    """The page that was asked for; the nearest is shown."""
    text = text.strip()[:18]
    return int(text) if text.isascii() and text.isdigit() else 1


def filter_query(wanted):
    """The filter as the rest of a query, without what joins it; empty without one."""
    parts = ["status=required"] if wanted.required_only else []
    if wanted.name:
        parts.append("q=" + quote(wanted.name, safe=""))
    return "&".join(parts)


def page(request, template, viewer, status=200, **context):
    context.update(
        viewer=viewer,
        initials=access.initials(viewer.name),
        role_name=access.ROLE_NAMES.get(viewer.role, "No role"),
        token=get_token(request),
    )
    response = HttpResponse(template.render(context, request), status=status, headers=HEADERS)
    response.headers["Content-Length"] = str(len(response.content))
    response.headers["X-Request-Id"] = secrets.token_hex(8)
    return response
