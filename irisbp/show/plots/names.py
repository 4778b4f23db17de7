"""Text from outside, such as names of classes and runs, as a picture can show it.

It is shown literally and shortened, but two texts that differ never look alike. Characters that the usual
font lacks come from any other font of the machine; those that no font has are written as escapes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from irisbp.errors import literal

USUAL = "DejaVu Sans"  # it comes with Matplotlib
_NO_LETTERS = ("Last Resort", ".LastResort")  # fonts that draw a box for every character
_MOST_TOLD = 10  # characters
_LEAST = 8  # characters, of which a text's middle can still be left out


@dataclass(frozen=True)
class Letters:
    """The fonts needed beside the usual one, and the characters that no font has, each in order, once."""

    families: dict[str, None] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)

    def give_fonts(self, figure: Figure) -> None:
        """Let all text of a figure fall back to these fonts."""
        if self.families:
            for shown in figure.findobj(Text):
                shown.set_family([USUAL, *self.families])  # type: ignore[attr-defined]

    def notes(self) -> list[str]:
        """A note for the user on the characters that are missing, if there are any."""
        if not self.missing:
            return []
        told = list(self.missing)[:_MOST_TOLD]
        more = f" and {len(self.missing) - len(told)} more" if len(self.missing) > len(told) else ""
        return [
            f"no installed font has {' '.join(map(_told, told))}{more}: pictures show an escape,"
            f" such as {_escape(told[0])}, for each"
        ]


_letters: ContextVar[Letters] = ContextVar("letters", default=Letters())  # noqa: B039


@contextmanager
def letters() -> Iterator[Letters]:
    """Collects what the text that is shown inside needs."""
    token = _letters.set(Letters())
    try:
        yield _letters.get()
    finally:
        _letters.reset(token)


def text(outside: str, most: int = 40) -> str:
    """Text from outside, shown literally: not as a formula, nor as empty boxes.

    Of more than `most` characters the middle is left out.
    """
    return texts([outside], most)[0]


def texts(outside: Sequence[str], most: int = 40) -> list[str]:
    """Each text as `text` shows it; of those that would look alike, the part that differs is kept."""
    whole = [_drawable(one) for one in outside]
    shown = _shortened(whole, most)
    for alike in _look_alike(outside, shown):
        for k in alike:
            mark = f" #{k + 1}"
            shown[k] = f"{shown[k][: most - len(mark)]}{mark}"
    return [one.replace("$", r"\$") for one in shown]


def _shortened(whole: Sequence[str], most: int) -> list[str]:
    shown = [_without_middle(one, most) for one in whole]
    if most >= _LEAST:
        for alike in _look_alike(whole, shown):
            differing = _where_they_differ([whole[k] for k in alike], most)
            for k, one in zip(alike, differing, strict=True):
                shown[k] = one
    return shown


def _where_they_differ(whole: Sequence[str], most: int) -> list[str]:
    """Each text's own part, between as much of the common beginning and end as there is room for."""
    start = _common_start(whole)
    end = _common_start([one[start:][::-1] for one in whole])
    own = _shortened([one[start : len(one) - end] for one in whole], most // 2)
    room = most - 2 - max(map(len, own))
    first, tail = whole[0][: room - room // 2], room // 2
    return [
        f"{first}\u2026{mine}\u2026{one[len(one) - tail :]}" for one, mine in zip(whole, own, strict=True)
    ]


def _common_start(whole: Sequence[str]) -> int:
    """The number of characters with which all of these begin."""
    columns = enumerate(zip(*whole, strict=False))
    return next((k for k, column in columns if len(set(column)) > 1), min(map(len, whole)))


def _without_middle(one: str, most: int) -> str:
    if len(one) <= most:
        return one
    return f"{one[: most // 2]}\u2026{one[len(one) + 1 - (most - most // 2) :]}"


def _look_alike(whole: Sequence[str], shown: Sequence[str]) -> list[list[int]]:
    """The places of different texts that are shown alike, together."""
    places: dict[str, list[int]] = {}
    for k, one in enumerate(shown):
        places.setdefault(one, []).append(k)
    return [alike for alike in places.values() if len({whole[k] for k in alike}) > 1]


def _drawable(outside: str) -> str:
    return "".join(map(_character, literal(outside)))


def _character(character: str) -> str:
    """The character itself, if a font has it, else an escape."""
    if _is_drawn_by(USUAL, character):
        return character
    needed = _letters.get()
    family = next((name for name in needed.families if _is_drawn_by(name, character)), None)
    family = family or _family_of(character)
    if family is None:
        needed.missing[character] = None
        return _escape(character)
    needed.families[family] = None
    return character


def _told(character: str) -> str:
    return _escape(character) if character.isspace() else character


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@cache
def _family_of(character: str) -> str | None:
    """The first font that draws this character: one without serifs, if there is one."""
    families = {
        entry.name
        for entry in fontManager.ttflist
        if (entry.weight, entry.style) == (400, "normal") and not entry.name.startswith(_NO_LETTERS)
    }
    ranked = sorted(families, key=lambda name: ("Sans" not in name and "Gothic" not in name, name))
    return next((name for name in ranked if _is_drawn_by(name, character)), None)


@cache
def _is_drawn_by(family: str, character: str) -> bool:
    """Return whether the font has a glyph with an outline: some fonts have only blank or coloured ones."""
    try:
        font = get_font(findfont(FontProperties(family=[family]), fallback_to_default=False))
        if not font.get_char_index(ord(character)):
            return False
        font.set_size(12, 72)
        font.load_char(ord(character))
        return len(font.get_path()[0]) > 0 or character.isspace()
    except (RuntimeError, ValueError, OSError):  # it cannot be read, or its glyphs are pictures
        return False
