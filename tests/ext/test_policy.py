"""What a page may load and run."""
from __future__ import annotations

import policy

PAGE = """<html><head>
    <meta charset="utf-8" /><script>mode()</script><script src="a.js"></script><style>p{}</style></head></html>"""


def test_what_stands_in_the_page_is_allowed_by_its_hash():
    rules = dict(rule.split(" ", 1) for rule in policy.policy(PAGE).split("; "))
    assert rules["default-src"] == "'self'" and rules["object-src"] == "'none'"
    assert rules["script-src"] == f"'self' {policy.fingerprint('mode()')}"
    assert rules["style-src"] == f"'self' {policy.fingerprint('p{}')}"
    assert policy.fingerprint("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    assert policy.policy(PAGE.replace("mode()", "mood()")) != policy.policy(PAGE)
