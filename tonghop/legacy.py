"""Vietnamese in the fonts of before Unicode: text that looks like Latin-1 (`§¶ng bé`). Recognised, never converted."""

import re
from collections.abc import Iterable

# characters that stand inside words in these fonts, and in no Vietnamese word in Unicode
_TCVN3 = "§®µ¶·¸¹¨©ª«¬\u00ad¥¡¢£¤¦×Þþß"
_SHARED = "ÑñØøÛûÏïÖöÄäÅåÜüËëÆæÇçÎîÐð÷ÿÿ"
_IN_WORD = re.compile(f"(?<=[A-Za-zÀ-ÿ])[{_TCVN3}{_SHARED}]|[{_TCVN3}{_SHARED}](?=[A-Za-zÀ-ÿ{_TCVN3}])")
_UNICODE = re.compile("[ĂăĐđĨĩŨũƠơƯư\u0300-\u0323\u1ea0-\u1ef9]")
RATIO = 0.08  # of a text's letters; a foreign name in an English text stays below


def encoding(text: str) -> str | None:
    """TCVN3 or VNI where a text is in such a font; None otherwise."""
    strange = len(_IN_WORD.findall(text))
    if strange < 2 or strange < RATIO * len(text) or _UNICODE.search(text):
        return None
    return "TCVN3 (.VnTime)" if re.search(f"[{_TCVN3}]", text) else "VNI"


def first(texts: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """(where, encoding) of the first text of (where, text) that is in such a font."""
    return next(((where, found) for where, text in texts if (found := encoding(text))), None)
