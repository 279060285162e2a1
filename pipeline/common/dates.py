"""Put unquoted dates in params.yaml in quotes, for DVC.

This project treats both alike. DVC, which reads the file before our code runs, stops at the first unquoted date:
`Unsupported value of type 'date'`. `make repro` and `make retrain` run this first; nothing else is changed.
"""

from pathlib import Path

import yaml

from pipeline.common import files, paths

TAG = "tag:yaml.org,2002:timestamp"
PATTERNS = [
    pattern for kinds in yaml.SafeLoader.yaml_implicit_resolvers.values() for tag, pattern in kinds if tag == TAG
]


def quote(path: Path = paths.PARAMS) -> None:
    """Quote the file's dates in place and print how many; invalid YAML is left for others to report."""
    if not path.exists():
        return
    text = path.read_bytes().decode()
    try:
        spans = unquoted(text)
    except yaml.YAMLError:
        return
    for begin, end in reversed(spans):
        text = f'{text[:begin]}"{text[begin:end]}"{text[end:]}'
    if spans:
        files.write_text(path, text)
        print(f"{path}: {len(spans)} date{'s are' if len(spans) > 1 else ' is'} now in quotes, as DVC requires")


def unquoted(text: str) -> list[tuple[int, int]]:
    """Where the unquoted dates begin and end."""
    scalars = [event for event in yaml.parse(text, yaml.SafeLoader) if isinstance(event, yaml.ScalarEvent)]
    return [
        (scalar.start_mark.index, scalar.end_mark.index)
        for scalar in scalars
        if scalar.implicit[0] and any(pattern.match(scalar.value) for pattern in PATTERNS)
        if scalar.start_mark and scalar.end_mark
    ]


if __name__ == "__main__":
    quote()
