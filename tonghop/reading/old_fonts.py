"""Vietnamese in the fonts of before Unicode: text that looks like Latin-1 (`§¶ng bé`). Recognised, never converted."""

import re
from collections.abc import Iterable

# characters that are part of words in these fonts, and in no Vietnamese word in Unicode
_TCVN3 = "§®µ¶·¸¹¨©ª«¬\u00ad¥¡¢£¤¦×Þþß"
_SHARED = "ÑñØøÛûÏïÖöÄäÅåÜüËëÆæÇçÎîÐð÷ÿÿ"
_IN_WORD = re.compile(f"(?<=[A-Za-zÀ-ÿ])[{_TCVN3}{_SHARED}]|[{_TCVN3}{_SHARED}](?=[A-Za-zÀ-ÿ{_TCVN3}])")
_UNICODE = re.compile("[ĂăĐđĨĩŨũƠơƯư\u0300-\u0323\u1ea0-\u1ef9]")


def found(texts: Iterable[str]) -> tuple[str, str] | None:
    """(the first text in such a font, the name of the encoding); None where the texts are not in one.

    One strange letter may be a foreign name's: three in two texts are a font's.
    """
    strange = {text: letters for text in texts if (letters := _IN_WORD.findall(text)) and not _UNICODE.search(text)}
    if len(strange) < 2 or sum(map(len, strange.values())) < 3:
        return None
    return next(iter(strange)), "TCVN3 (.VnTime)" if set(_TCVN3) & set("".join(strange)) else "VNI"
