"""Tell the browser what a page may do, so that nothing else can happen on it: a strict Content-Security-Policy.

Scripts and style sheets come from the site itself. What the theme writes into the page is allowed by its hash: a script
that sets light or dark before anything is drawn, and a style for readers without scripts. Style attributes are allowed,
because KaTeX places every sign with one; attributes that run code are not. The site as a source for all the rest lets
Firefox fetch the page that comes next.
"""
from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

INLINE = {"script-src": re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.S),
          "style-src": re.compile(r"<style[^>]*>(.*?)</style>", re.S)}
RULES = {"default-src": "'self'", "script-src": "'self'", "style-src": "'self'", "style-src-attr": "'unsafe-inline'",
         "img-src": "'self' data:", "font-src": "'self' data:", "connect-src": "'self'", "form-action": "'self'",
         "base-uri": "'none'", "object-src": "'none'", "frame-src": "'none'", "media-src": "'none'",
         "worker-src": "'none'"}
CHARSET = re.compile(r"\s*<meta charset=\"utf-8\" />")


def fingerprint(code: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()}'"


def policy(page: str) -> str:
    """What this page may load and run."""
    rules = {name: [allowed] for name, allowed in RULES.items()}
    for name, tag in INLINE.items():
        rules[name] += dict.fromkeys(map(fingerprint, tag.findall(page)))
    return "; ".join(f"{name} {' '.join(allowed)}" for name, allowed in rules.items())


def guard(app, error: Exception | None) -> None:
    """Put the policy first in the head of every page, when the pages are finished."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf8")
        if "_static" not in page.parts and (charset := CHARSET.search(text)):
            tag = f'\n    <meta http-equiv="Content-Security-Policy" content="{policy(text)}" />'
            page.write_text(text[:charset.end()] + tag + text[charset.end():], "utf8")


def setup(app):
    app.connect("build-finished", guard, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
