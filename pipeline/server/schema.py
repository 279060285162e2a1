"""Requests and predictions as pydantic models, from a package's columns: what /docs and /openapi.json show.

requests.py checks requests: its messages name the row and the value that came, and it refuses repeated keys.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from pipeline.server.requests import ROWS, Table
from pipeline.services import Column

TYPES: dict[str, Any] = {"string": str, "double": float | None, "boolean": bool}
LISTS: dict[str, Any] = {"string": list[str], "double": list[float | None], "boolean": list[bool]}
CELL: Any = str | float | None


class Mistake(BaseModel):
    """An error, as MLflow's clients expect it."""

    error_code: str = Field(examples=["BAD_REQUEST"])
    message: str = Field(examples=["row 1: text is the number 1; accepted: text"])


def request_schema(inputs: Sequence[Column], example: Table) -> dict[str, Any]:
    """The OpenAPI description of a request's body: MLflow's four forms."""
    required = [column.name for column in inputs if column.required]
    optional = [column.name for column in inputs if not column.required]
    row = _model("Row", {column.name: TYPES[column.kind] for column in inputs}, optional)
    columns = _model("Columns", {column.name: LISTS[column.kind] for column in inputs}, optional)
    names: Any = Literal[tuple(column.name for column in inputs)]
    split = _model("Split", {"columns": list[names], "data": list[list[CELL]], "index": list[Any]}, ["index"])
    rows: Any = list[row | CELL] if len(required) == 1 else list[row]  # type: ignore[valid-type]
    forms = {"dataframe_records": list[row], "dataframe_split": split, "inputs": rows | columns, "instances": rows}  # type: ignore[valid-type]
    schemas = [_model(name, {name: form}).model_json_schema() for name, form in forms.items()]
    content = {
        "schema": {"oneOf": [_without_references(schema) for schema in schemas]},
        "example": {"dataframe_records": [dict(zip(example, row, strict=True)) for row in _rows(example)]},
    }
    limit = f"In one of MLflow's forms, of up to {ROWS:,} rows."
    return {"requestBody": {"required": True, "description": limit, "content": {"application/json": content}}}


def response_model(outputs: Sequence[Column]) -> type[BaseModel]:
    """The body of a response."""
    types = {column.name: TYPES[column.kind] if column.required else TYPES[column.kind] | None for column in outputs}
    prediction = _model("Prediction", types)
    return _model("Predictions", {"predictions": list[prediction]})  # type: ignore[valid-type]


def _model(title: str, types: Mapping[str, Any], optional: Sequence[str] = ()) -> type[BaseModel]:
    """An object with these keys: as aliases, since a column may have a name that no field of pydantic's can have."""
    fields: dict[str, Any] = {
        f"key_{number}": (kind, Field(None if name in optional else ..., alias=name, title=name))
        for number, (name, kind) in enumerate(types.items())
    }
    return create_model(title, __config__=ConfigDict(extra="forbid"), **fields)


def _rows(table: Table) -> list[tuple[Any, ...]]:
    return list(zip(*table.values(), strict=True))


def _without_references(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions in the places that refer to them."""
    definitions = schema.pop("$defs", {})

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return filled(definitions[part["$ref"].rsplit("/", 1)[-1]])
            return {key: filled(value) for key, value in part.items()}
        return [filled(value) for value in part] if isinstance(part, list) else part

    return filled(schema)
