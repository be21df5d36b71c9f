"""The comment above a zoo cell, read: title, sources, year, conventions, known pitfalls."""

import re
import textwrap
from dataclasses import dataclass
from typing import Final

from cells.limit import LIMITS

_SECTION: Final = re.compile(r"([A-Z][a-z]+): (.*)")
# Not the first half of an arXiv number, such as 2003.08864.
_YEAR: Final = re.compile(r"(?<![\d.])(?:19|20)\d\d(?!\d|\.\d)")


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says.

    Attributes:
        title: its first line.
        sections: the text of each section by its heading (`Source`, `Convention`, `Pitfall`), its
            lines joined; a line break is left where a line ended in `;`, as between two sources.
    """

    title: str
    sections: dict[str, str]

    @property
    def sources(self) -> tuple[str, ...]:
        """The works that the cell is taken from, each with authors, title, venue and year."""
        return tuple(filter(None, self.sections.get("Source", "").split("\n")))

    @property
    def year(self) -> int | None:
        """When the cell first appeared: the earliest year that its sources name."""
        return min((int(year) for year in _YEAR.findall("\n".join(self.sources))), default=None)


def with_section(comment: str, title: str, heading: str, text: str) -> str:
    """A comment with a section more, in the place of an older one of that heading.

    Of a comment that grows beyond the limit of the language the last lines in front are left out.

    Args:
        comment: may be empty.
        title: the first line where there is none.
        heading: one capitalised word.
        text: one paragraph.
    """
    kept: list[str] = []
    own = False
    for line in comment.split("\n") if comment else [title]:
        section = _SECTION.fullmatch(line)
        own = section[1] == heading if section else own and line.startswith(" ")
        if not own:
            kept.append(line)
    added = textwrap.wrap(f"{heading}: {text}", 97, subsequent_indent="  ")
    while kept and len("\n".join([*kept, *added]).encode()) > LIMITS.comment:
        kept.pop()
    return "\n".join([*kept, *added])


def header(comment: str) -> Header:
    """The header in the comment of a cell; nothing is demanded of it, so a part may be empty."""
    title, *lines = comment.split("\n")
    sections, heading = dict[str, str](), ""
    for line in lines:
        section = _SECTION.fullmatch(line)
        if section:
            heading = section[1]
            sections[heading] = section[2]
        elif heading:
            before = sections[heading]
            parted = before.endswith(";")
            sections[heading] = before.removesuffix(";") + ("\n" if parted else " ") + line.strip()
    return Header(title, sections)
