"""Runs the scenarios of one SDK against each provider and prints a line of JSON for each cell.

The gateway, its key and the folder of captured requests come from the environment. A scenario is a function that takes
a provider and raises where something is not as it should be.
"""

import json
import os
import pathlib
import sys
import time
import traceback

URL = os.environ["SWITCHTOWER_URL"]
KEY = os.environ["SWITCHTOWER_KEY"]
CAPTURES = pathlib.Path(os.environ["SWITCHTOWER_CAPTURES"])

# A picture of one pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE_URL = "https://pictures.example/tower.png"
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
CITY = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "inhabitants": {"type": "integer"},
        "districts": {"type": "array", "items": {"type": "string"}},
        "capital": {"type": "boolean"},
    },
    "required": ["name", "inhabitants", "districts", "capital"],
    "additionalProperties": False,
}


PROVIDERS = [
    ("chat", "openai_chat"),
    ("responses", "openai_responses"),
    ("messages", "anthropic_messages"),
    ("gemini", "google_gemini"),
]


class Provider:
    """A provider of the gateway: the first part of a model's name, and what it speaks."""

    def __init__(self, client, name, dialect):
        self.client, self.name, self.dialect = client, name, dialect
        self.scenario = ""

    def model(self, directives=""):
        return f"{self.name}/sim-1{directives}"

    def text(self):
        """A text that no other cell sends, by which its requests can be found."""
        return f"all is quiet on the line — {self.client.lower()} {self.name} {self.scenario} ✓ é 汉字 🚂"

    def sent(self, marker):
        """The requests that reached the provider and hold a text: their numbers and bodies, oldest first."""
        found = []
        for file in sorted(CAPTURES.glob("*.json")):
            captured = json.loads(file.read_text())
            if marker in json.dumps(captured["body"], ensure_ascii=False):
                found.append((file.stem, captured["body"]))
        assert found, f"no request with {marker!r} reached the provider"
        return found


def run(client, client_dialect, version, scenarios):
    for name, dialect in PROVIDERS:
        provider = Provider(f"{client} {client_dialect}", name, dialect)
        for scenario in scenarios:
            provider.scenario = scenario.__name__
            try:
                scenario(provider)
                result, detail = "passed", ""
            except Exception as error:  # noqa: BLE001: whatever it is, it is the result of the cell
                where = traceback.extract_tb(sys.exc_info()[2])
                line = next((at.lineno for at in reversed(where) if "/sdk/python/" in at.filename), 0)
                result, detail = "failed", f"line {line}: {type(error).__name__}: {error}"
            cell = {
                "client": client,
                "version": version,
                "client_dialect": client_dialect,
                "provider_dialect": dialect,
                "scenario": scenario.__name__,
                "result": result,
                "detail": detail[:600],
            }
            print(json.dumps(cell), flush=True)


def same(found, wanted, what="value"):
    assert found == wanted, f"{what} is {found!r}, wanted {wanted!r}"


def holds(text, part):
    assert part in (text or ""), f"{part!r} is not in {text!r}"


def positive(number, what):
    assert isinstance(number, int) and number > 0, f"{what} is {number!r}"


def valid(answer):
    """The SDKs take any answer; this wants every field that theirs must have, in its type."""
    type(answer).model_validate(answer.to_dict(mode="json"))
    return answer


def is_city(value):
    same(set(value), set(CITY["required"]), "the fields")
    for field, kind in {"name": str, "inhabitants": int, "districts": list, "capital": bool}.items():
        assert isinstance(value[field], kind), f"{field} is {value[field]!r}"


def forbids_parallel(p, calls, headers, field):
    """One call where parallel ones are forbidden; Google's models cannot be forbidden them, which is told."""
    if p.dialect == "google_gemini":
        holds(headers.get("x-switchtower-notices"), field)
    else:
        same(calls, 1, "the calls where parallel ones are forbidden")


def taken_up(p, body, thought):
    """Reasoning of an earlier turn reached the provider: in words, or as the seal of a vendor that wants nothing else."""
    sent = json.dumps(body, ensure_ascii=False)
    if p.dialect == "google_gemini":
        holds(sent, "thoughtSignature")
        assert "skip_thought_signature" not in sent, "the call came back without its own signature"
    else:
        holds(sent, thought)


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


def ended_early(number, seconds=1.0):
    """Waits until the provider's side of an exchange has ended before its time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (CAPTURES / f"{number}.aborted").exists():
            return
        assert not (CAPTURES / f"{number}.whole").exists(), "the answer ended of itself"
        time.sleep(0.01)
    raise AssertionError(f"the provider was still being read {seconds} s after the client had left")
