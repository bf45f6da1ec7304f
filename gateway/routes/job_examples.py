"""What /docs shows for jobs."""

import json
from pathlib import Path
from typing import Any

_ANALYSIS = json.loads(Path(__file__).with_name("example_analysis.json").read_bytes())

QUEUED: dict[str, Any] = {
    "id": "an_01K8Z3N5T0V7Q4W2X9Y6B1C3D5",
    "state": "queued",
    "attempts": 0,
    "created_at": "2026-11-24T16:23:00Z",
    "started_at": None,
    "finished_at": None,
    "expires_at": None,
    "progress": None,
    "problem": None,
    "analysis": None,
    "ahead": None,
}

FINISHED: dict[str, Any] = {
    **QUEUED,
    "state": "succeeded",
    "attempts": 1,
    "started_at": "2026-11-24T16:23:01Z",
    "finished_at": "2026-11-24T16:23:09Z",
    "expires_at": "2026-11-24T17:23:09Z",
    "progress": {"seconds": 3.0, "of_seconds": 3.2, "frames": 15},
    "analysis": {**_ANALYSIS, "id": QUEUED["id"]},
}

EVENTS_EXAMPLE = """id: 0
event: started
data: {"event":"started","attempt":1}

id: 1
event: progress
data: {"event":"progress","seconds":1.0,"of_seconds":3.2,"frames":6}
"""

# An OpenAPI document of this version has no words of its own for the events of a stream.
EVENTS_SCHEMA: dict[str, Any] = {
    "type": "string",
    "description": "Server-sent events; the data of each is a JobEvent.",
    "contentMediaType": "text/event-stream",
    "contentSchema": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "event": {"type": "string", "description": "As `event` in the data."},
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"$ref": "#/components/schemas/JobEvent"},
                },
                "retry": {"type": "integer", "description": "Milliseconds."},
            },
        },
    },
}
