"""JSON by orjson: four times as fast as the standard library, and the same on all that is stored."""

import orjson

from adapters.postgres.json_text import canonical
from domain.ledger.leaves import JsonText

FAST_JSON = JsonText(orjson.loads, canonical)
