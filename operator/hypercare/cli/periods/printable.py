"""Texts that come from users and from metrics, made fit for a terminal."""


def printable(text: str) -> str:
    """The text on one line, without characters that steer a terminal or turn the direction of writing."""
    return "".join(character if _harmless(character) else " " for character in text)


def _harmless(character: str) -> bool:
    code = ord(character)
    steers = code < 0x20 or 0x7F <= code < 0xA0
    turns = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code in {0x200E, 0x200F, 0x2028, 0x2029}
    return not (steers or turns or 0xD800 <= code <= 0xDFFF)
