"""The JSON schemas of pydantic's models, as an OpenAPI document has them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

Schema = dict[str, Any]

REF = "#/components/schemas/{model}"


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas without titles, and with a docstring's attributes where they belong."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Whether a field is always there: in what goes out, all are but those that say so."""
        if self.mode == "serialization":
            return "serialization_exclude_if" not in field
        return super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def model_schema(self, schema: Any) -> Schema:
        made = super().model_schema(schema)
        made.pop("title", None)
        if self.mode == "serialization":
            for field in made["properties"].values():
                field.pop("default", None)
        text, about = _attributes(made.get("description", ""))
        if text:
            made["description"] = text
        for name, field in made.get("properties", {}).items():
            if name in about:
                field.setdefault("description", about[name])
        return made


def _attributes(docstring: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its text and what its section `Attributes:` says of each name."""
    text, _, section = docstring.partition("\n\nAttributes:\n")
    about: dict[str, str] = {}
    for entry in re.split(r"\n    (?! )", f"\n{section}"):
        names, colon, said = entry.partition(": ")
        if colon:
            about |= {name.strip(): " ".join(said.split()) for name in names.split(",")}
    return " ".join(text.split()), about


class ModelSchemas:
    """The schemas of pydantic's models, under the names that they have in the document."""

    def __init__(self, used: Iterable[tuple[type[BaseModel], JsonSchemaMode]]) -> None:
        each = list(dict.fromkeys(used))
        self._refs, made = models_json_schema(each, ref_template=REF, schema_generator=_Generator)
        self._schemas: dict[str, Schema] = made.get("$defs", {})

    def ref(self, model: type[BaseModel], mode: JsonSchemaMode) -> Schema:
        """What refers to the schema of a model that comes in (validation) or goes out."""
        return dict(self._refs[model, mode])

    def whole(self, model: type[BaseModel]) -> Schema:
        """The schema itself of what comes in."""
        return self._schemas[self._refs[model, "validation"]["$ref"].rpartition("/")[2]]

    def one_of(self, models: Iterable[type[BaseModel]], mode: JsonSchemaMode) -> Schema:
        """One of several models, told apart by `type`."""
        refs = {_kind(model): self.ref(model, mode) for model in models}
        mapping = {kind: ref["$ref"] for kind, ref in refs.items()}
        return {
            "oneOf": list(refs.values()),
            "discriminator": {"propertyName": "type", "mapping": mapping},
        }

    def name(self, name: str, schema: Schema) -> Schema:
        """Give a schema a name, and return what refers to it."""
        self._schemas[name] = schema
        return {"$ref": REF.format(model=name)}

    def reachable_from(self, part: object) -> dict[str, Schema]:
        """The schemas that `part` refers to, directly or not, by name."""
        found: dict[str, Schema] = {}
        waiting = [part]
        while waiting:
            for ref in _refs(waiting.pop()):
                name = ref.rpartition("/")[2]
                if name not in found:
                    found[name] = self._schemas[name]
                    waiting.append(found[name])
        return dict(sorted(found.items()))


def _refs(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(ref := part.get("$ref"), str):
            yield ref
        for each in part.values():
            yield from _refs(each)
    elif isinstance(part, list):
        for each in part:
            yield from _refs(each)


def _kind(message: type[BaseModel]) -> str:
    (kind,) = get_args(message.model_fields["type"].annotation)
    return str(kind)
