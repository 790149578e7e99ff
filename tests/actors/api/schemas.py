"""JSON schemas as the OpenRPC documents use them: what in a value does not fit, by path.

A keyword that is not known here is an error of the check and not of the value, so that nothing passes unseen.
"""

import json
import re

ANNOTATIONS = {"description", "title", "default", "$schema", "examples", "contentEncoding"}
TYPES = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
RANGES = {
    "uint": (0, 2**64 - 1), "uint8": (0, 255), "uint32": (0, 2**32 - 1), "uint64": (0, 2**64 - 1),
    "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1),
}  # fmt: skip
TEXTS = {
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}


class Schemas:
    """The schemas of one document, by name."""

    def __init__(self, document):
        self.named = document["components"]["schemas"]

    def faults(self, schema, value, path="$"):
        """Every place of a value that does not fit, with what does not."""
        if schema is True:
            return []
        found = []
        for keyword, wanted in schema.items():
            if keyword not in ANNOTATIONS:
                check = getattr(self, "_" + keyword.strip("$"), None)
                assert check is not None, f"schema keyword {keyword!r} is not known; teach it to the check"
                found += check(wanted, value, path, schema)
        return found

    def _ref(self, wanted, value, path, _schema):
        return self.faults(self.named[wanted.removeprefix("#/components/schemas/")], value, path)

    def _type(self, wanted, value, path, _schema):
        kinds = wanted if isinstance(wanted, list) else [wanted]
        return (
            [] if any(TYPES[kind](value) for kind in kinds) else [(path, f"{json.dumps(value)[:60]} is not {wanted}")]
        )

    def _format(self, wanted, value, path, _schema):
        if wanted in TEXTS and isinstance(value, str):
            return [] if re.fullmatch(TEXTS[wanted], value) else [(path, f"{value[:60]} is no {wanted}")]
        if not TYPES["integer"](value) or wanted == "double":
            return []
        least, most = RANGES[wanted]
        return [] if least <= value <= most else [(path, f"{value} is no {wanted}")]

    def _minimum(self, wanted, value, path, _schema):
        return [(path, f"{value} is below {wanted}")] if TYPES["number"](value) and value < wanted else []

    def _maximum(self, wanted, value, path, _schema):
        return [(path, f"{value} is above {wanted}")] if TYPES["number"](value) and value > wanted else []

    def _minItems(self, wanted, value, path, _schema):
        return [(path, f"fewer than {wanted}")] if isinstance(value, list) and len(value) < wanted else []

    def _uniqueItems(self, wanted, value, path, _schema):
        if not wanted or not isinstance(value, list):
            return []
        seen = [json.dumps(each, sort_keys=True) for each in value]
        return [(path, "an entry twice")] if len(set(seen)) < len(seen) else []

    def _enum(self, wanted, value, path, _schema):
        return [] if value in wanted else [(path, f"{json.dumps(value)[:60]} is none of {wanted}")]

    def _const(self, wanted, value, path, _schema):
        return [] if value == wanted else [(path, f"{json.dumps(value)[:60]} is not {wanted}")]

    def _required(self, wanted, value, path, _schema):
        return [(f"{path}.{name}", "is missing") for name in wanted if isinstance(value, dict) and name not in value]

    def _properties(self, wanted, value, path, _schema):
        if not isinstance(value, dict):
            return []
        return [
            fault for name, schema in wanted.items() if name in value
            for fault in self.faults(schema, value[name], f"{path}.{name}")
        ]  # fmt: skip

    def _patternProperties(self, wanted, value, path, _schema):
        if not isinstance(value, dict):
            return []
        return [
            fault for pattern, schema in wanted.items() for name, each in value.items() if re.search(pattern, name)
            for fault in self.faults(schema, each, f"{path}.*")
        ]  # fmt: skip

    def _additionalProperties(self, wanted, value, path, schema):
        if not isinstance(value, dict):
            return []
        others = [name for name in value if name not in schema.get("properties", {})]
        if wanted is False:
            return [(f"{path}.{name}", "is not in the schema") for name in others]
        return [fault for name in others for fault in self.faults(wanted, value[name], f"{path}.*")]

    def _items(self, wanted, value, path, _schema):
        if not isinstance(value, list):
            return []
        return [fault for each in value for fault in self.faults(wanted, each, f"{path}[]")]

    def _anyOf(self, wanted, value, path, _schema):
        tried = [self.faults(schema, value, path) for schema in wanted]
        return [] if any(not each for each in tried) else _nearest(tried, path)

    def _oneOf(self, wanted, value, path, _schema):
        tried = [self.faults(schema, value, path) for schema in wanted]
        fitting = sum(not each for each in tried)
        return [] if fitting == 1 else [(path, "fits several")] if fitting else _nearest(tried, path)


def _nearest(tried, path):
    """Of schemas that do not fit, what the one says that is of the value's kind at least."""
    return min(tried, key=lambda faults: (any(place == path for place, _what in faults), len(faults)))
