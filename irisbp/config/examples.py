"""The commented example configs that come with irisbp, to start a config of one's own from.

A wheel holds them inside the package; a checkout has them at its root, where people look for them.
"""

from difflib import get_close_matches
from pathlib import Path

from irisbp.config.yaml import abridged
from irisbp.errors import ConfigError, StorageError

_FOLDERS = (Path(__file__).parents[1] / "configs", Path(__file__).parents[2] / "configs")


def example_names() -> list[str]:
    """The names of the examples, the article first."""
    names = (path.stem for path in _folder().glob("*.yaml"))
    return sorted(names, key=lambda name: (name != "article", name))


def read_example(name: str) -> bytes:
    """The content of an example; ConfigError if there is none of that name."""
    names = example_names()
    if name not in names:
        close = get_close_matches(abridged(name).lower(), names, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f'example "{abridged(name)}" is not one of {", ".join(names)}{hint}')
    path = _folder() / f"{name}.yaml"
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError("read", path, error) from None


def write_example(name: str, path: Path | None = None) -> Path:
    """Write an example into a new file, NAME.yaml in the working directory unless a path is given.

    Returns the file's path. Raises ConfigError if there is no such example or if the file exists,
    StorageError if it cannot be written.
    """
    content = read_example(name)
    path = path or Path(f"{name}.yaml")
    try:
        with open(path, "xb") as file:
            file.write(content)
    except FileExistsError:
        raise ConfigError(f"{path} exists and is not overwritten; --output names another file") from None
    except OSError as error:
        raise StorageError("write", path, error) from None
    return path


def _folder() -> Path:
    return next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
