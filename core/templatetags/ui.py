"""The parts every page is made of, as template tags; `docs/interface.md` shows their use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.http import QueryDict
from django.template.context import RequestContext
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

from core import moments, svg, units
from core.pagination import KeyPage

register = template.Library()

register.filter("usd", units.usd)
register.filter("usd_left", units.usd_left)
register.filter("count", units.count)
register.filter("duration", units.duration)
register.filter("duration_ms", units.duration_ms)

register.simple_tag(svg.strip, name="strip")
register.simple_tag(svg.budget_bar, name="budget_bar")
register.simple_tag(svg.sparkline, name="sparkline")
register.simple_tag(svg.histogram, name="histogram")


@register.filter
def percent(share: float | None) -> str:
    """Return a share (0 to 1) as percent; never “100%” for what is only nearly all."""
    if share is None:
        return units.UNKNOWN
    value = round(100 * share, 1)
    if value == 100 and share < 1:
        return "99.9%"
    return f"{value:.0f}%" if value == int(value) else f"{value:.1f}%"


@register.filter
def json_pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int = 16) -> SafeString:
    """Draw a Lucide icon, hidden from readers: a word always stands beside it or in its label."""
    stroke = "1.75" if size >= 16 else "2.25"
    drawn = lucide(name, size=size, stroke_width=stroke, aria_hidden="true", **{"class": "icon"})
    return mark_safe(" ".join(drawn.split()))  # noqa: S308 - the package's own file


@register.simple_tag
def badge(tone: str, label: str) -> SafeString:
    """Show a state: `tone` is a state's own word, for which CSS knows the colour."""
    return format_html('<span class="badge" data-tone="{}">{}</span>', tone, label)


@register.simple_tag
def moment(at: datetime | None) -> SafeString | str:
    """Show how far `at` is, with the exact moment as a tooltip; “never” where there is none."""
    if at is None:
        return "never"
    now, zone = timezone.now(), timezone.get_current_timezone()
    return _time(at, moments.distance(at, now, zone), ZoneInfo(str(zone)), is_relative=True)


@register.simple_tag
def clock(at: datetime | None, zone: str = "") -> SafeString | str:
    """Show date and time in the reader's zone, or in `zone`."""
    if at is None:
        return "never"
    place = ZoneInfo(zone or str(timezone.get_current_timezone()))
    return _time(at, moments.clock(at, timezone.now(), place), place, is_relative=False)


def _time(at: datetime, words: str, zone: ZoneInfo, *, is_relative: bool) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>',
        at.isoformat(),
        moments.exact(at, zone),
        SafeString(" data-relative") if is_relative else "",
        words,
    )


@register.simple_block_tag
def panel(
    content: str,
    title: str = "",
    *,
    note: str = "",
    flush: bool = False,
    id: str = "",  # noqa: A002
) -> SafeString:
    """Frame a part of a page. `flush` lets a table or a list reach the edges."""
    head = (
        format_html(
            '<header class="panel__head"><h2>{}</h2>{}</header>',
            title,
            format_html('<p class="panel__note">{}</p>', note) if note else "",
        )
        if title
        else ""
    )
    return format_html(
        '<section class="panel{}"{}>{}{}</section>',
        " panel--flush" if flush else "",
        format_html(' id="{}"', id) if id else "",
        head,
        content,
    )


@register.inclusion_tag("components/metric.html")
def metric(
    label: str,
    figure: str,
    *,
    note: str = "",
    tone: str = "",
    href: str = "",
    values: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Show one figure as a card, with a sparkline where `values` are given."""
    return {
        "label": label,
        "figure": figure,
        "note": note,
        "tone": tone,
        "href": href,
        "values": values,
    }


@register.inclusion_tag("components/empty.html")
def empty(icon: str, title: str, text: str, href: str = "", label: str = "") -> dict[str, Any]:
    """Say that nothing is here, and what to do about it."""
    return {"icon": icon, "title": title, "text": text, "href": href, "label": label}


@register.inclusion_tag("components/segmented.html")
def segmented(
    name: str, choices: Sequence[tuple[str, str, int | str | None]], value: str, legend: str
) -> dict[str, Any]:
    """Offer a few choices as radios in a row; each is (value, label, count or None)."""
    return {"name": name, "choices": choices, "value": value, "legend": legend}


@register.inclusion_tag("components/search.html")
def search(name: str, value: str, label: str) -> dict[str, Any]:
    return {"name": name, "value": value, "label": label}


@register.simple_tag
def apply(label: str = "Apply") -> SafeString:
    """Give a filter form its button, which only pages without JavaScript show."""
    return format_html('<button class="btn no-js" type="submit">{}</button>', label)


@register.inclusion_tag("components/pager.html")
def pager(page: KeyPage[Any], query: QueryDict | dict[str, str], target: str) -> dict[str, Any]:
    """Link to the neighbours of `page`; `query` is the address's, whose filters are kept."""
    return {
        "previous": _with_cursor(query, page.previous_cursor),
        "next": _with_cursor(query, page.next_cursor),
        "target": target,
    }


def _with_cursor(query: QueryDict | dict[str, str], cursor: str) -> str:
    if not cursor:
        return ""
    changed = query.copy() if isinstance(query, QueryDict) else _query_dict(query)
    changed["cursor"] = cursor
    return f"?{changed.urlencode()}"


def _query_dict(values: dict[str, str]) -> QueryDict:
    made = QueryDict(mutable=True)
    made.update(values)
    return made


@register.simple_tag
def switch(name: str, checked: bool, label: str, id: str = "") -> SafeString:  # noqa: A002, FBT001
    """Show something that is on or off at once; a checkbox to forms, a switch to people."""
    return format_html(
        '<input class="switch" type="checkbox" role="switch" name="{}" value="1" aria-label="{}"'
        "{}{}>",
        name,
        label,
        format_html(' id="{}"', id) if id else "",
        SafeString(" checked") if checked else "",
    )


@register.simple_block_tag
def menu(content: str, id: str, label: str) -> SafeString:  # noqa: A002
    """Put rare and destructive actions behind three dots; `label` names whose they are."""
    return format_html(
        '<button class="btn btn--icon btn--ghost" type="button" id="{}-button" popovertarget="{}" '
        'aria-label="{}">{}</button><div class="menu" id="{}" popover>{}</div>',
        id,
        id,
        label,
        icon("ellipsis"),
        id,
        content,
    )


@register.inclusion_tag("components/nav_link.html", takes_context=True)
def nav(context: RequestContext, url_name: str, label: str, icon: str) -> dict[str, Any]:
    """Link to a section of the product, marked as current on its pages."""
    url = reverse(url_name)
    request = context.get("request")
    path = request.path if request else ""
    is_current = path == url if url == "/" else path.startswith(url)
    return {"url": url, "label": label, "icon": icon, "is_current": is_current}


@register.simple_tag(takes_context=True)
def page_title(context: RequestContext) -> str:
    """Repeat what the page has put into its block `title`."""
    return str(context.render_context[BLOCK_CONTEXT_KEY].get_block("title").render(context))


@register.filter
def initials(name: str) -> str:
    """Return what an avatar shows: two letters of a name."""
    words = [word for word in name.replace(".", " ").replace("_", " ").split() if word]
    letters = "".join(word[0] for word in words[:2]) if len(words) > 1 else name[:2]
    return letters.upper()
