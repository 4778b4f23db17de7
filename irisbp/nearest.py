"""The file or the run that a misspelt path may mean."""

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

_MOST_NAMES = 10_000  # of a folder; the search takes a second for some 100,000
_LONGEST = 100  # characters of a name; the search takes time in the square of them
# Where one forgets to say that a file or a run is.
_FOLDERS = {False: "configs", True: "runs"}


def did_you_mean(path: Path, *, folder: bool) -> str:
    """Text for the end of a message that a path is not there: the nearest file, or folder, beside it."""
    if len(path.name) > _LONGEST:
        return ""
    found = {each.name: each for place in _places(path, folder) for each in _inside(place, folder)}
    close = get_close_matches(path.name, found, 1)
    return f"; did you mean {found[close[0]]}?" if close else ""


def _places(path: Path, folder: bool) -> Iterator[Path]:
    """The folders to look into, the path's own last, since that counts most."""
    if path.parent == Path():
        yield Path(_FOLDERS[folder])
    yield path.parent


def _inside(place: Path, folder: bool) -> list[Path]:
    try:
        return [each for each in islice(place.iterdir(), _MOST_NAMES) if each.is_dir() == folder]
    except (OSError, ValueError):
        return []
