"""What is made for pages once, from installed packages: the font, cut down to Latin.

It lies in `settings.ASSETS_DIR`, which is a folder of static files. Without the font's package
nothing is made, no page links to it, and the system's font stands in.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage

FONT = "fonts/inter.woff2"
FONT_FACE = "fonts/inter.css"

PACKAGE = "fontpkg-inter"
SOURCE = "fontpkg_inter/files/Inter[opsz,wght].ttf"
FEATURES = ["kern", "liga", "calt", "tnum", "case"]
WEIGHTS = (400, 700)  # what tokens.css uses, and bold
# Latin with its accents, then the dashes, quotes, arrows and signs that sentences need.
LETTERS = (
    "U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+02C6-02DD,U+1E80-1E85,U+1EF2-1EF3,"
    "U+2009-2027,U+202F-203A,U+2044,U+20AC,U+2116,U+2122,U+2190-2193,U+21B5,U+2212,U+2248,"
    "U+2260,U+2264-2265,U+2318"
)


def build() -> tuple[bool, str]:
    """Make the font if it is not there or not ours any more.

    Returns whether it was made, and a note for people where it cannot be.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        return False, f"{PACKAGE} is not installed; pages use the system's font."
    font, face = (Path(settings.ASSETS_DIR, name) for name in (FONT, FONT_FACE))
    wanted = font_face(package.version)
    if font.is_file() and face.is_file() and face.read_text() == wanted:
        return False, ""
    font.parent.mkdir(parents=True, exist_ok=True)
    face.unlink(missing_ok=True)
    try:
        subset(Path(str(package.locate_file(SOURCE))), font)
    except ImportError as error:
        return False, f"{error.name} is not installed; pages use the system's font."
    face.write_text(wanted)  # last: it says which font stands beside it
    return True, ""


def is_current() -> bool:
    """Tell whether the font stands there as this code makes it, or cannot be made."""
    try:
        version = distribution(PACKAGE).version
    except PackageNotFoundError:
        return True
    face = Path(settings.ASSETS_DIR, FONT_FACE)
    return face.is_file() and face.read_text() == font_face(version)


def has_font() -> bool:
    """Tell whether pages can link to the font: as collected, or from where it was made."""
    if isinstance(staticfiles_storage, ManifestFilesMixin) and not settings.DEBUG:
        return FONT in staticfiles_storage.hashed_files
    return finders.find(FONT_FACE) is not None


def font_face(version: str) -> str:
    """Return the style sheet of the font; what it was made from stands in its comment."""
    low, high = WEIGHTS
    return (
        f"/* Inter {version}: {' '.join(FEATURES)} (digits); {LETTERS} */\n"
        "@font-face {\n"
        '  font-family: "Inter UI";\n'
        '  src: url("inter.woff2") format("woff2");\n'
        f"  font-weight: {low} {high};\n"
        "  font-style: normal;\n"
        "  font-display: swap;\n"
        "}\n"
    )


def subset(source: Path, target: Path) -> None:
    from fontTools import subset as cutter  # a tenth of a second that only the first start pays
    from fontTools.varLib import instancer

    options = cutter.Options(
        layout_features=FEATURES, flavor="woff2", hinting=False, notdef_outline=True, name_IDs=[]
    )
    font = cutter.load_font(str(source), options, lazy=False)
    align_digits_alone(font)
    cut = cutter.Subsetter(options)
    cut.populate(unicodes=cutter.parse_unicodes(LETTERS))
    cut.subset(font)
    low, high = WEIGHTS
    instancer.instantiateVariableFont(font, {"wght": (low, low, high)}, inplace=True)
    part = target.with_suffix(".part")
    cutter.save_font(font, str(part), options)
    part.replace(target)


def align_digits_alone(font: Any) -> None:
    """Keep “tnum” to digits: Inter's also widens hyphens, commas and spaces between words."""
    digits = {font.getBestCmap()[ord(digit)] for digit in "0123456789"}
    table = font["GSUB"].table
    of_tnum = {
        index
        for record in table.FeatureList.FeatureRecord
        if record.FeatureTag == "tnum"
        for index in record.Feature.LookupListIndex
    }
    for index in of_tnum:
        for part in table.LookupList.Lookup[index].SubTable:
            single = getattr(part, "ExtSubTable", part)
            single.mapping = {
                glyph: aligned for glyph, aligned in single.mapping.items() if glyph in digits
            }
