"""The page about `lib`: every public function from its docstring, with its code, and links to where it is derived.

    ```{functions-of-lib}
    shapes activations losses           the rooms in this order, with their code; all others follow without
    ```
A docstring has paragraphs, indented formulas that may end in `(eq:label)`, indented code, rows such as `wrt    what the
gradient is by`, and fields such as `Shapes:` and `Source:`. A table in capitals has the comment above it.
Nothing is imported: the files are read as they stand.
"""
from __future__ import annotations

import ast
import re
import textwrap
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from book import notebooks, results, sections, uses
from docutils import nodes
from results import inline, joined, link
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

FIELD = re.compile(r"(?:^|(?<=\S  ))(Derivation|Check|Shapes|Units|Raises|Source)(?:, ([^:]*))?:\s*(.*)")
ROW = re.compile(r" *([a-z_]{3,}) {2,}(\S.*)")
EMPTY = re.compile(r"field\(default_factory=dict\)")
LABEL = re.compile(r"\s*\((eq:[a-z0-9-]+)\)")
CODE = re.compile(r'"|lambda|def |python ')                              # what is no formula
SCRIPT = re.compile(r"(\^)(?:\{([^{}]+)\}|\(([^()]+)\)|([A-Za-z])(?![A-Za-z0-9_]))"
                    r"|(?<![A-Za-z0-9]{2})_(?:\{([^{}]+)\}|([A-Za-z]{1,2}|\d)(?![A-Za-z0-9_(]))")
Definition = ast.FunctionDef | ast.ClassDef


@dataclass
class Block:
    """A piece of a docstring: a paragraph or, with `fixed`, lines that stand as they are; `field` is its heading, and
    `row` what it describes."""

    text: str
    fixed: bool = False
    field: str = ""
    row: str = ""


def blocks(docstring: str) -> list[Block]:
    """The pieces of a docstring in their order; the lines below a field belong to it."""
    found, field = [], ""
    for line in docstring.splitlines():
        head, row, last = FIELD.search(line), ROW.fullmatch(line), found[-1] if found else None
        if not line.strip():
            field = ""
            found.append(Block(""))
            continue
        if head:
            if line[:head.start()].strip():
                found.append(Block(line[:head.start()].strip()))
            field, line = head[1], f"{head[2]}: {head[3]}" if head[2] else head[3]
        elif row:
            field = ""
            found.append(Block(row[2], row=row[1]))
            continue
        elif last and last.row and line.startswith("  "):
            last.text += " " + line.strip()
            continue
        if field == "Derivation" and not head and not line.startswith(" "):
            field = ""
        columns = field != "Derivation" or bool(re.search(r"\S {3,}\S", line)) or bool(last and last.fixed)
        fixed = not head and line.startswith("  ") and field in ("", "Derivation") and columns
        if not head and last and last.text and (last.fixed, last.field, last.row) == (fixed, field, ""):
            last.text += ("\n" if fixed else " ") + (line if fixed else line.strip())
        elif line.strip():
            found.append(Block(line if fixed else line.strip(), fixed, field))
    return [Block(textwrap.dedent(b.text) if b.fixed else b.text, b.fixed, b.field, b.row) for b in found if b.text]


def docstring(node: Definition) -> str:
    """The docstring as it stands in its block; cleaning would take the indentation of code that stands alone in it."""
    first, *rest = ast.get_docstring(node, clean=False).split("\n")
    return "\n".join([first, *(line.removeprefix(" " * node.body[0].col_offset) for line in rest)]).strip()


def described(source: str, node: ast.Assign | ast.AnnAssign) -> str:
    """What is said of a table: the comment above it."""
    lines, start = source.splitlines(), node.lineno - 1
    while start and lines[start - 1].startswith("# "):
        start -= 1
    return " ".join(line.removeprefix("# ") for line in lines[start:node.lineno - 1])


def public(tree: ast.AST) -> list[Definition | ast.Assign]:
    """What a room offers: functions and classes with a docstring, and tables in capitals."""
    found = []
    for node in tree.body:
        target = getattr(node, "target", None) or getattr(node, "targets", [None])[0]
        if isinstance(node, Definition):
            found += [node] if ast.get_docstring(node) and not node.name.startswith("_") else []
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and len(target.id) > 2:
            found += [node] if target.id.isupper() and isinstance(node.value, ast.Dict) else []
    return found


def name_of(node: Definition | ast.Assign | ast.AnnAssign) -> str:
    return node.name if isinstance(node, Definition) else (getattr(node, "target", None) or node.targets[0]).id


def parameters(args: ast.arguments) -> list[str]:
    """The parameters with their defaults and without their types, which the Shapes field gives better."""
    with_default = lambda arg, default: arg.arg + (f"={ast.unparse(default)}" if default else "")
    plain = [*args.posonlyargs, *args.args]
    shown = list(map(with_default, plain, [None] * (len(plain) - len(args.defaults)) + args.defaults))
    shown += [f"*{args.vararg.arg}"] if args.vararg else ["*"] if args.kwonlyargs else []
    shown += map(with_default, args.kwonlyargs, args.kw_defaults)
    return shown + ([f"**{args.kwarg.arg}"] if args.kwarg else [])


def signature(node: ast.AST) -> list[str] | None:
    """The parameters of a function or of the making of a class; None where nothing is called."""
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        fields = [each.target.id + (f"={EMPTY.sub('{}', ast.unparse(each.value))}" if each.value else "")
                  for each in node.body if isinstance(each, ast.AnnAssign)]
        return parameters(made[0].args)[1:] if made else fields or None
    if not isinstance(node, ast.FunctionDef) or any(ast.unparse(each) == "property" for each in node.decorator_list):
        return None
    return parameters(node.args)


def code(source: str, node: ast.AST) -> str:
    """The code without its docstring."""
    lines = source.splitlines()[min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1:
                                node.end_lineno]
    if isinstance(node, Definition) and ast.get_docstring(node):
        start = len(lines) - (node.end_lineno - node.body[0].lineno + 1)
        del lines[start:start + node.body[0].end_lineno - node.body[0].lineno + 1]
    return textwrap.dedent("\n".join(lines)).strip("\n") if len(lines) > 1 or not isinstance(node, Definition) else ""


def rooms(root: Path) -> dict[str, Path]:
    """The files of lib by the names under which they are imported from it, such as losses and diagnose.kinds."""
    paths = sorted((root / "lib").rglob("*.py"))
    names = [".".join(path.relative_to(root / "lib").with_suffix("").parts).removesuffix(".__init__") for path in paths]
    return {name: path for name, path in zip(names, paths, strict=True) if "__" not in name}


def scripts(text: str) -> list[nodes.Node]:
    """Text in which e^{z}, e^S and w_d stand for a power and an index."""
    made, at = [], 0
    for found in SCRIPT.finditer(text):
        inside = next(filter(None, found.groups()[1:]))
        script = nodes.superscript if found[1] else nodes.subscript
        made += [nodes.Text(text[at:found.start()]), script(inside, inside)]
        at = found.end()
    return [node for node in [*made, nodes.Text(text[at:])] if node.astext()]


class Page:
    """The page about lib while it is made: it knows every public name, and where results end and names are used."""

    def __init__(self, directive: SphinxDirective):
        self.env, self.document = directive.env, directive.state.document
        self.page, self.location = self.env.docname, directive.get_location()
        root = Path(self.env.srcdir)
        self.sources = {room: path.read_text(encoding="utf8") for room, path in rooms(root).items()}
        self.trees = {room: ast.parse(source) for room, source in self.sources.items()}
        self.sections, self.uses, self.ends = sections(root), uses(root), defaultdict(list)
        self.names = {f"{room}.{name_of(node)}" for room, tree in self.trees.items() for node in self.shown(tree, room)}
        for result in results(root).values():
            for name in result.functions:
                self.ends[name].append(result)
        self.written, self.open = notebooks(root), " ".join(directive.content).split()
        for path in rooms(root).values():
            self.env.note_dependency(str(path.relative_to(root)))

    def shown(self, tree: ast.AST, room: str) -> list[Definition | ast.Assign]:
        """What is public, without the tables of which nothing is said and which no chapter uses."""
        return [node for node in public(tree) if isinstance(node, Definition)
                or described(self.sources[room], node) or f"{room}.{name_of(node)}" in self.uses]

    def room(self, room: str) -> nodes.section:
        tree = self.trees[room]
        section = nodes.section("", nodes.title("", f"lib.{room}"), names=[f"lib.{room}"])
        self.document.note_implicit_target(section)
        self.note(room, "module", section)
        # Cleaning would take the indentation of a lone formula below the first line, with which it is code.
        section += self.body(ast.get_docstring(tree, clean=False).strip(), room)
        section += [self.entry(node, room) for node in self.shown(tree, room)]
        return section

    def note(self, name: str, kind: str, node: nodes.Element) -> None:
        """Make a name known, so that {py:func}`lib.room.name` and links from chapters find it."""
        node["ids"].append(f"lib.{name}")
        self.env.get_domain("py").note_object(f"lib.{name}", kind, f"lib.{name}", location=self.location)

    def entry(self, node: ast.AST, room: str, owner: str = "") -> addnodes.desc:
        name, called = name_of(node), signature(node)
        full = ".".join(filter(None, [room, owner, name]))
        kind = "class" if isinstance(node, ast.ClassDef) else "data" if called is None else "function"
        head = addnodes.desc_signature("", "", addnodes.desc_addname("", full.removesuffix(name)),
                                       addnodes.desc_name("", name), ids=[], classes=["sig-object"])
        if called is not None:
            called = called[1:] if owner and called[:1] == ["self"] else called
            shown = [addnodes.desc_parameter("", "", nodes.Text(parameter)) for parameter in called]
            head += addnodes.desc_parameterlist("", "", *shown)
        self.note(full, kind, head)
        content = addnodes.desc_content("")
        content += self.body(docstring(node) if isinstance(node, Definition)
                             else described(self.sources[room], node), room)
        content += self.links(full) + (self.code(node, room) if room in self.open and not owner else [])
        if isinstance(node, ast.ClassDef):
            content += [self.entry(each, room, name) for each in public(node)]
        return addnodes.desc("", head, content, domain="py", objtype=kind, desctype=kind, no_index=True,
                             classes=["py", kind])

    def body(self, docstring: str, room: str) -> list[nodes.Node]:
        """Paragraphs, formulas and rows, then the fields as a list of terms."""
        made, fields = [], {}
        for block in blocks(docstring):
            node = self.source(block.text) if block.field == "Source" else self.block(block, room)
            if block.field:
                fields.setdefault(block.field, []).append(node)
            elif block.row:
                made += [] if made and isinstance(made[-1], nodes.field_list) else [nodes.field_list(classes=["rows"])]
                name = nodes.field_name("", "", nodes.literal("", block.row))
                made[-1] += nodes.field("", name, nodes.field_body("", node))
            else:
                made.append(node)
        return made + self.terms(fields)

    def terms(self, fields: dict[str, list[nodes.Node]]) -> list[nodes.field_list]:
        items = [nodes.field("", nodes.field_name("", name), nodes.field_body("", *body))
                 for name, body in fields.items()]
        return [nodes.field_list("", *items)] if items else []

    def block(self, block: Block, room: str) -> nodes.Element:
        if not block.fixed:
            return nodes.paragraph("", "", *self.words(block.text, room))
        if block.field or CODE.search(block.text):               # a derivation has its reasons in a column
            return nodes.literal_block(block.text, block.text, language="none" if block.field else "python",
                                       classes=["formula"])
        made = nodes.line_block(classes=["formula"])
        for line in re.sub(r"\n(?=\s*\(eq:)", "", block.text).split("\n"):
            parts = re.split(r"(?<=\S)( {2,})", LABEL.sub("", line))
            short = [["whole"] if part.strip() and len(part) <= 30 else [] for part in parts]         # is not broken
            formula = [nodes.inline("", "", *scripts(part), classes=classes)
                       for part, classes in zip(parts, short, strict=True)]
            made += nodes.line("", "", nodes.inline("", "", *formula), *map(self.number, LABEL.findall(line)))
        return made

    def number(self, label: str) -> nodes.Node:
        """The number of an equation, which leads to it."""
        return link("place", label, self.page, nodes.inline(), number=True, refwarn=False)

    def words(self, text: str, room: str) -> list[nodes.Node]:
        """A sentence; what stands between backticks is code, and leads to its entry if it is a name of lib."""
        made = []
        for i, piece in enumerate(re.split(r"`([^`]+)`", text)):
            name = piece.removeprefix("lib.")
            full = next((each for each in (name, f"{room}.{name}") if each in self.names), None)
            literal = nodes.literal("", piece)
            if i % 2 and full:
                made.append(self.to(full, literal))
            elif i % 2:
                made.append(literal)
            else:
                for k, part in enumerate(LABEL.split(piece)):
                    made += [nodes.Text("\u00a0"), self.number(part)] if k % 2 else scripts(part)
        return made

    def to(self, full: str, *content: nodes.Node) -> addnodes.pending_xref:
        return addnodes.pending_xref("", *content, refdomain="py", reftype="obj", reftarget=f"lib.{full}",
                                     refdoc=self.page, refwarn=True, refexplicit=True)

    def source(self, text: str) -> nodes.paragraph:
        """`chapters/x, "A section".` as a link to that section, or to the page if the section has no label."""
        page, section = re.match(r'(\S+), "(.+)"', text).groups()
        words = nodes.inline("", section)
        if page not in self.written:
            return nodes.paragraph("", "", words)
        label = self.sections.get((page, section))
        if label:
            return nodes.paragraph("", "", link("place", label, self.page, words))
        return nodes.paragraph("", "", self.to_page(page, words))

    def to_page(self, page: str, *content: nodes.Node) -> addnodes.pending_xref:
        return addnodes.pending_xref("", *content, refdomain="std", reftype="doc", reftarget=f"/{page}",
                                     refdoc=self.page, refexplicit=bool(content), refwarn=True)

    def links(self, full: str) -> list[nodes.Node]:
        """Back to the book: the derivations whose last line this function is, and the chapters that call it."""
        fields = {}
        if ends := self.ends.get(full):
            words = [link("result", end.label, self.page, nodes.inline("", "", *inline(end.name))) for end in ends]
            fields["Last line of"] = [nodes.paragraph("", "", *joined(words))]
        if pages := self.uses.get(full):
            titles = [self.to_page(page, nodes.inline("", title)) for page, title in pages.items()]
            fields["Used in"] = [nodes.paragraph("", "", *joined(titles))]
        return self.terms(fields)

    def code(self, node: ast.AST, room: str) -> list[nodes.Node]:
        text = code(self.sources[room], node)
        if not text:
            return []
        return [nodes.raw("", '<details class="lib-code"><summary>Code</summary>', format="html"),
                nodes.literal_block(text, text, language="python"), nodes.raw("", "</details>", format="html")]


class FunctionsOfLib(SphinxDirective):
    has_content = True

    def run(self):
        page = Page(self)
        return [page.room(room) for room in dict.fromkeys([*page.open, *page.sources])]


def setup(app):
    app.add_directive("functions-of-lib", FunctionsOfLib)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
