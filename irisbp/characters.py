"""Words for characters that a shell or YAML would take for something else, in keys and in messages."""

CHARACTERS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "pipe": "|",
    "blank": " ",
    "point": ".",
    "hash": "#",
    "apostrophe": "'",
}


def word_for(character: str) -> str:
    """The word that stands for a character in a key's value, or the text itself if it has none."""
    return next((word for word, known in CHARACTERS.items() if known == character), character)
