"""Print what the server needs: the extra `serve` of pyproject.toml, a line for each package.

requirements.lock, as a constraint, has the versions: pip install --constraint requirements.lock --requirement FILE
"""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
print("\n".join(project["optional-dependencies"]["serve"]))
