"""Vietnamese text: one form of each word, how it is compared, how it is sorted."""

import re
import unicodedata


def nfc(text: str) -> str:
    """Text in composed form, spaces collapsed: what every label, name and code is compared in."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()


_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # in the dictionary's order


def sort_key(text: str) -> str:
    """A key that sorts Vietnamese as its dictionary does, in any collation: by word, letters before tones, numbers by size."""
    return "".join(map(_word_key, nfc(text).lower().split()))


def _word_key(word: str) -> str:
    parts = unicodedata.normalize("NFD", word.zfill(6) if word.isdecimal() else word)
    letters = unicodedata.normalize("NFC", "".join(c for c in parts if c not in _TONES))
    ranks = (0x20 + int(c) if c.isdecimal() else 0x30 + _LETTERS.index(c) if c in _LETTERS else 0x10 for c in letters)
    tones = (_TONES.index(c) + 1 for c in parts if c in _TONES)
    # a letter ranks above the 00 that ends the letters, so a word comes before its continuations
    return "".join(f"{n:02x}" for n in (*ranks, 0, next(tones, 0)))


# hoà, hòa: the tone on either vowel is the same word
_PLACEMENTS = tuple(
    (nfc(first + second + tone), nfc(first + tone + second))
    for first, second in (("o", "a"), ("o", "e"), ("u", "y"))
    for tone in _TONES
)
# kỳ, kì; quý, quí: one word in two spellings; only where no other word is spelt so
_I_OR_Y = re.compile(r"\b([hklmst])([yỳýỷỹỵ])\b|\b(q)([uùúủũụ])y\b")
_I = dict(zip("yỳýỷỹỵuùúủũụ", "iìíỉĩị" * 2, strict=True))
# what no eye sees, and what changes nothing of what it sees
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"))
# look-alikes
_EVEN = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "`": "'",
        "´": "'",
        "–": "-",
        "—": "-",
        "‐": "-",
        "‑": "-",
        "−": "-",
        "ð": "đ",
    }
)


def visible(text: str) -> str:
    """Text without the characters that no eye sees: zero-width ones, soft hyphens, marks of direction."""
    return text if text.isascii() else text.translate(_UNSEEN)


def fold(text: str) -> str:
    """A label as it is compared: composed, case folded, tone placement, i or y, and punctuation evened out."""
    return FOLDED[text]


class _Folded(dict[str, str]):
    """Texts and what they fold to: the labels of forms come again and again. Long texts are not kept, nor too many."""

    def __missing__(self, text: str) -> str:
        folded = _fold(text)
        if len(text) <= 200:
            if len(self) >= 20_000:
                self.clear()
            self[text] = folded
        return folded


FOLDED = _Folded()


def _fold(text: str) -> str:
    text = nfc(visible(text).casefold().translate(_EVEN))
    for old, new in _PLACEMENTS:
        text = text.replace(old, new)
    text = _I_OR_Y.sub(lambda word: f"{word[1]}{_I[word[2]]}" if word[1] else f"qu{_I[word[4]]}", text)
    return re.sub(r"\s*([-/:;,().])\s*", r"\1", text).strip(" :.*")
