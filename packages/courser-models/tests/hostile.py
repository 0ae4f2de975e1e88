"""Texts like URLs: what URLs are made of, and what attacks on parsers of URLs are made of, in any order."""

from hypothesis import strategies as st

ATOMS = [
    *[
        "http",
        "https",
        "HTTP",
        "mailto",
        "a",
        "h",
        "U:p@h:1",
        "example.org",
        "xn--",
        "é",
        "中",
        "ß",
        "\uff0e",
        "\u200d",
    ],
    *[":", "/", "//", "?", "#", "@", "[", "]", "::1", "fe80::1", "\\", "..", ".", "%2e", "%", "%25", "%41", "%zz"],
    *["0x", "1", "256", "127", "8", ":80", ":443", "&", "=", "+", "~", "{", "|", '"', "'", "^", "`", "<", ";", "-"],
    " ",
]
BEGINNINGS = ["", "http://", "https://", "http://h/", "/", "//", "a:", "http:", "h/", "http://[fe80::1%25"]

pieces_of_urls = st.lists(st.sampled_from(ATOMS), max_size=8).map("".join)
texts_like_urls = st.builds(str.__add__, st.sampled_from(BEGINNINGS), pieces_of_urls)
