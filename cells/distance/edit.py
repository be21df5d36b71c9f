"""The edits between two matched cells, one phrase each."""

from cells.distance.graph import Graph, Labels
from cells.distance.match import Match


def edits(a: Graph, b: Graph, match: Match) -> list[str]:
    """What turns `a` into `b`, in the order of `b`; arrows of what is added or gone go without saying."""
    before, after = Words(a), Words(b)
    back = {other: node for node, other in enumerate(match.partners) if other >= 0}
    said: list[str] = []
    for node, other in enumerate(match.partners):
        if other < 0:
            said.append(f"{before.title(node)} removed")
    for other in range(b.count):
        if other not in back:
            said.append(f"{after.title(other)} added")
            continue
        node = back[other]
        if a.labels[node] != b.labels[other]:
            said.append(f"{a.labels[node]} becomes {b.labels[other]} at {after.name(other)}")
        if a.biases[node] != b.biases[other]:
            was, now = ", ".join(a.biases[node]), ", ".join(b.biases[other])
            said.append(
                f"bias of {after.name(other)} starts at {now}, not {was}"
                if was and now
                else f"bias of {after.name(other)} added, starts at {now}"
                if now
                else f"bias of {after.name(other)} removed"
            )
    for (source, target), labels in a.edges.items():
        pair = match.partners[source], match.partners[target]
        if min(pair) >= 0 and pair not in b.edges:
            said.append(f"{before.source(source, target)} no longer {before.arrow(target, labels)}")
    for (source, target), labels in b.edges.items():
        if source not in back or target not in back:
            continue
        there = a.edges.get((back[source], back[target]))
        if there is None:
            said.append(f"{after.source(source, target)} now {after.arrow(target, labels)}")
        elif there != labels:
            ways = _way(labels), _way(there)
            said.append(f"{after.name(source)} {after.arrow(target, ())} {ways[0]}, not {ways[1]}")
    return said


def _way(labels: Labels) -> str:
    words = [
        (
            "through a matrix"
            if label.endswith("W")
            else f"through {label}"
            if "W" in label
            else "directly"
        )
        + (f" as {label.split()[0]} argument" if label[:3] in ("1st", "2nd") else "")
        for label in labels
    ]
    return " and ".join(words)


class Words:
    """What the vertices of a graph are called: by the author, by their state, or by what they do."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.vertices = graph.diagram.vertices
        self.arriving: dict[int, list[tuple[int, bool]]] = {}
        for edge in graph.diagram.edges:
            self.arriving.setdefault(edge.target, []).append((edge.source, edge.linear is not None))
        self.news = {
            arguments[0][0]: self.vertices[target].text
            for target, arguments in reversed(self.arriving.items())
            if self.vertices[target].role == "new"
        }

    def name(self, index: int, depth: int = 2) -> str:
        """What a vertex is called within a phrase."""
        if index == self.graph.count - 1:
            return "the output"
        vertex = self.vertices[index]
        if vertex.role in ("input", "state") or vertex.name:
            return vertex.name or vertex.text
        return self.news.get(index) or self._formula(index, depth)

    def source(self, index: int, target: int) -> str:
        """Where an arrow comes from; not `h'` where the arrow says that this is the new h."""
        named = self.vertices[index].name or index not in self.news
        return (
            self.name(index)
            if named or self.graph.kinds[target] == "inner"
            else self._formula(index, 2)
        )

    def title(self, index: int) -> str:
        """A vertex with its kind and formula."""
        vertex = self.vertices[index]
        if vertex.role == "state":
            return f"state {vertex.text}"
        formula = self._formula(index, 2)
        name = vertex.name or self.news.get(index)
        role = {"number": "learned number", "matrix": "linear", "arithmetic": "operation"}.get(
            vertex.role, vertex.role
        )
        return f"{role} {name} = {formula}" if name else f"{role} {formula}"

    def _formula(self, index: int, depth: int) -> str:
        vertex = self.vertices[index]
        arguments = self.arriving.get(index, [])
        if not arguments:
            return vertex.text
        if not depth:
            return "..."
        words = [
            f"W {self.name(argument, depth - 1)}" if matrix else self.name(argument, depth - 1)
            for argument, matrix in arguments
        ]
        if vertex.role in ("product", "arithmetic") and len(words) > 1:
            return f"({f' {vertex.text} '.join(words)})"
        if vertex.role == "arithmetic":
            return f"({vertex.text} {words[0]})"
        return f"{vertex.text}({' + '.join(words)})"

    def arrow(self, target: int, labels: Labels) -> str:
        """What an arrow into `target` does there."""
        if self.graph.kinds[target] == "out":
            return "is the output"
        if self.graph.kinds[target] == "state":
            return f"is the new {self.vertices[target].text}"
        matrix = any("W" in label for label in labels)
        return f"enters {self.name(target)}" + (" through a matrix" if matrix else "")
