"""Names from files as names of folders: file names are data, and no name leads out of the dataset."""

import hashlib
import unicodedata

LONGEST = 100  # bytes; file systems take 255, and endings are added
FORBIDDEN = set('/\\:*?"<>|')
FORMULA = "=+@"  # what a spreadsheet would run if a list of names were opened in it


def safe(name: str) -> str:
    """A folder's name for any text: itself where that is possible, else a readable one with a piece of its hash.

    The hash keeps apart what replacing would make equal.

    >>> safe("P16"), safe("10-60-1280x720.v2_right")
    ('P16', '10-60-1280x720.v2_right')
    >>> safe("../etc"), safe("a/b") == safe("a_b"), safe(safe("a/b")) == safe("a/b")
    ('_etc-f7f912', False, True)
    """
    plain = unicodedata.normalize("NFC", name)
    clean = "".join("_" if c in FORBIDDEN or not c.isprintable() else c for c in plain).strip().lstrip(". ")
    clean = f"_{clean[1:]}" if clean[:1] and clean[0] in FORMULA else clean
    clean = clean.encode()[:LONGEST].decode(errors="ignore").strip()
    if clean == plain and clean:
        return clean
    return f"{clean or '_'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
