"""JSON without blanks, by one encoder: `json.dumps` with options makes one at each call."""

from __future__ import annotations

import json

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
