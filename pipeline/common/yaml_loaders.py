"""How YAML is read: dates as text; and, for params.yaml, no key twice in a mapping."""

from typing import Any

import yaml

SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same loader in C, ten times as fast


class LOADER(SAFE):  # type: ignore[misc, valid-type]  # which of the two, is known when it runs
    """Reads a date as text, quoted or not: equal settings are equal, and are JSON."""


LOADER.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in SAFE.yaml_implicit_resolvers.items()
}


class Strict(LOADER):  # type: ignore[misc,valid-type]
    """Refuses a key that occurs twice in a mapping, where YAML keeps the last; names the line of an odd value."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # 0b_ looks like a number but is not
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: {node.value!r}: {error}") from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                tag_and_value = (key.tag, key.value)
                if tag_and_value in lines:
                    raise yaml.YAMLError(f"line {line}: {key.value!r} is already in line {lines[tag_and_value]}")
                lines[tag_and_value] = line
        return super().construct_mapping(node, deep)
