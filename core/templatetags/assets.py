"""Links to what `build_assets` makes, where it was made."""

from __future__ import annotations

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import assets

register = template.Library()


@register.simple_tag
def font_links() -> SafeString:
    """Load the font early; nothing where it was not made, and the system's stands in."""
    if not assets.has_font():
        return SafeString()
    return format_html(
        '<link rel="preload" as="font" type="font/woff2" href="{}" crossorigin>'
        '<link rel="stylesheet" href="{}">',
        static(assets.FONT),
        static(assets.FONT_FACE),
    )
