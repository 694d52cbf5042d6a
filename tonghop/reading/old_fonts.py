"""Vietnamese in the fonts of before Unicode: text that looks like Latin-1 (`§¶ng bé`). Recognised, never converted."""

import re
from collections.abc import Iterable

_LETTER, _SIGNS = "A-Za-zÀ-ÖØ-öø-ÿ", "§®µ¶·¸¹¨©ª«¬¥¡¢£¤¦"
# TCVN3 puts letters where Latin-1 has signs: no language has these between letters, nor some of them before or after one
_SIGN = re.compile(
    f"(?<=[{_LETTER}{_SIGNS}])[{_SIGNS}](?=[{_LETTER}])|[§®¨¬](?=[{_LETTER}{_SIGNS}])|(?<=[{_LETTER}])[µ¸¶·¹](?![{_LETTER}0-9])"
)
# VNI writes a mark as a letter of its own after the vowel, and ñ for đ; one such pair may be in a word of another language
_PAIR = re.compile(r"[aeoAEO][ùøûõïâáàåãäêéèúüëÙØÛÕÏÂÁÀÅÃÄÊÉÈÚÜË]|[uyöôUYÖÔ][ùøûõïÙØÛÕÏ]|(?<!\w)[ñÑ][aeiouyöôAEIOUYÖÔ]")
_STRANGE = re.compile(r"[^\W\d_]*[^\x00-\x7f\W\d_][^\W\d_]*")
_UNICODE = re.compile("[ĂăĐđĨĩŨũƠơƯư\u0300-\u0323\u1ea0-\u1ef9]")


def found(texts: Iterable[str]) -> tuple[str, str] | None:
    """(the first text in such a font, the name of the encoding); None where the texts are not in one.

    One strange pair may be a foreign name's: three in two texts are a font's, where most words that are not ASCII have one.
    """
    latin = [text for text in texts if not text.isascii() and not _UNICODE.search(text)]
    words = [word for text in latin for word in _STRANGE.findall(text)]
    for pattern, name, enough in ((_SIGN, "TCVN3 (.VnTime)", 0.0), (_PAIR, "VNI", 0.7 * len(words))):
        strange = [text for text in latin if pattern.search(text)]
        hits = sum(len(pattern.findall(text)) for text in strange)
        if len(strange) > 1 and hits > 2 and sum(bool(pattern.search(word)) for word in words) >= enough:
            return strange[0], name
    return None
