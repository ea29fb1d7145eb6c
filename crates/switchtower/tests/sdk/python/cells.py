"""Runs the scenarios of one SDK against each provider and prints a line of JSON for each cell.

The gateway, its key and the folder of captured requests come from the environment. A scenario is a function that takes
a provider and raises where something is not as it should be.
"""

import base64
import json
import os
import pathlib
import struct
import sys
import time
import traceback

import httpx
import httpx2
import urllib3

URL = os.environ["SWITCHTOWER_URL"]
# The same gateway behind TLS; its certificate is signed by an authority that only the file AWS_CA_BUNDLE knows.
HTTPS_URL = os.environ["SWITCHTOWER_HTTPS_URL"]
KEY = os.environ["SWITCHTOWER_KEY"]
CAPTURES = pathlib.Path(os.environ["SWITCHTOWER_CAPTURES"])

# A picture of one pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE_DATA = f"data:image/png;base64,{PNG}"
PICTURE_URL = "https://pictures.example/tower.png"
PICTURE_S3 = "s3://pictures/tower.png"
# A page without anything on it.
PDF = base64.b64encode(
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
).decode()
PLAIN = "The points are set for the main line."
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

# Why cells cannot work, where clients of Python and JavaScript share the reason.
NO_VECTORS_OF_BEDROCK = "Bedrock embeds by bodies of each model's own, which no other provider takes"
NO_VECTORS_OF_SIM = "Bedrock embeds by bodies of each model's own; they arrive as they are, and the simulator has no such model"
UNCOUNTED_VECTORS = "the provider does not say how many tokens it embedded"
NO_VECTORS = "the provider has no embeddings"
NO_FIM = "the provider fills in nothing"
NO_RANKINGS = "the provider has no rankings"
THOUGHTS_IN_NUMBERS = (
    "thoughts of Responses are told to clients of Chat Completions in numbers only, as their vendor has it"
)
S3_IS_OF_BEDROCK = "what lies in S3 is read by Bedrock alone"
NOTICES = "x-switchtower-notices"

PROVIDERS = [
    ("chat", "openai_chat"),
    ("responses", "openai_responses"),
    ("messages", "anthropic_messages"),
    ("gemini", "google_gemini"),
    ("converse", "bedrock_converse"),
    ("cohere-chat", "cohere_chat"),
    ("ollama-chat", "ollama_chat"),
]
# Those that have no word for one call at a time.
SEVERAL_CALLS = ["google_gemini", "bedrock_converse", "cohere_chat", "ollama_chat"]
# Those that take thoughts of an earlier turn in words.
TAKES_PLAIN_THOUGHTS = ["openai_chat", "cohere_chat", "ollama_chat"]
# Those that have services besides answers.
EMBEDS = ["openai_chat", "google_gemini", "cohere_chat", "ollama_chat"]
RERANKS = ["openai_chat", "cohere_chat"]
FILLS_IN = ["openai_chat"]
# Those whose thoughts have no seal.
UNSEALED = ["openai_chat", "cohere_chat", "ollama_chat"]
# Those that count thoughts as output and do not say how many they are.
UNCOUNTED_THOUGHTS = ["anthropic_messages", "bedrock_converse", "ollama_chat"]
# Those that take what they are shown in the request itself only, and those that take no papers at all.
SHOWN_INLINE = ["bedrock_converse", "ollama_chat"]
NO_PAPERS = ["cohere_chat", "ollama_chat"]
# Those for which a conversation of nothing is none of a mistake.
TAKES_SILENCE = ["ollama_chat"]
# Those that cannot be made to call a tool.
CALLS_AT_WILL = ["ollama_chat"]


# The notices of each answer, whatever client it went to.
HEARD = []


def listen(owner, name):
    """Keeps the notices of each answer that a library gives a client: this is where it does."""
    method = getattr(owner, name)

    def heard(*arguments, **more):
        response = method(*arguments, **more)
        HEARD.append(response.headers.get(NOTICES))
        return response

    setattr(owner, name, heard)


# The clients of Python all speak through one of these.
for owner, name in [(httpx.Client, "send"), (httpx2.Client, "send"), (urllib3.HTTPConnectionPool, "urlopen")]:
    listen(owner, name)


def last_notices():
    """What the gateway told of the last answer."""
    return HEARD[-1] if HEARD else None


class Refused(Exception):
    """A scenario cannot work with a provider, and the gateway refused it by name; it says why."""


class Provider:
    """A provider of the gateway: the first part of a model's name, and what it speaks."""

    def __init__(self, client, name, dialect):
        self.client, self.name, self.dialect = client, name, dialect
        self.begin("")

    def begin(self, scenario):
        self.scenario = scenario
        self.reasons = []
        # What was sent before is of other scenarios.
        self.before = max((file.stem for file in CAPTURES.glob("*.json")), key=int, default="0")

    def model(self, directives=""):
        return f"{self.name}/sim-1{directives}"

    def text(self):
        """A text that no other cell sends, by which its requests can be found."""
        return f"all is quiet on the line — {self.client.lower()} {self.name} {self.scenario} ✓ é 汉字 🚂"

    def sent(self, marker):
        """The requests that reached the provider and hold a text: their numbers and bodies, oldest first."""
        found = []
        files = [file for file in CAPTURES.glob("*.json") if int(file.stem) > int(self.before)]
        for file in sorted(files, key=lambda file: int(file.stem)):
            captured = json.loads(file.read_text())
            if marker in json.dumps(captured["body"], ensure_ascii=False):
                found.append((file.stem, captured["body"]))
        assert found, f"no request with {marker!r} reached the provider"
        return found

    def lost(self, notices, path, reason):
        """The provider cannot take a part of the request, and the gateway told so in a notice."""
        holds(notices, path)
        self.partly(reason)

    def partly(self, reason):
        """It works but for something that is nobody's loss to tell."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def refused(self, error, part, reason):
        """The provider cannot do it at all, and the gateway refused it by name."""
        holds(str(error), part)
        raise Refused(reason)


def run(client, client_dialect, version, scenarios):
    for name, dialect in PROVIDERS:
        provider = Provider(f"{client} {client_dialect}", name, dialect)
        for scenario in scenarios:
            provider.begin(scenario.__name__)
            try:
                scenario(provider)
                result, detail = ("in part" if provider.reasons else "passed"), "\n".join(provider.reasons)
            except Refused as reason:
                result, detail = "refused", str(reason)
            except Exception as error:  # noqa: BLE001: whatever it is, it is the result of the cell
                where = traceback.extract_tb(sys.exc_info()[2])
                # Where in the driver, not where in here.
                own = [at for at in where if "/sdk/python/" in at.filename and not at.filename.endswith("/cells.py")]
                line = own[-1].lineno if own else 0
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


def is_vector(coded, vector):
    """A vector in base64 is the same numbers, to the precision of 32 bits."""
    numbers = [number for (number,) in struct.iter_unpack("<f", base64.b64decode(coded))]
    same(len(numbers), len(vector), "the dimensions")
    assert all(abs(one - other) < 1e-6 for one, other in zip(numbers, vector)), "base64 and float differ"


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
    """One call where parallel ones are forbidden; some models cannot be forbidden them, which is told."""
    if p.dialect in SEVERAL_CALLS:
        p.lost(headers.get(NOTICES), field, f"models of {p.dialect} cannot be forbidden parallel calls")
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


def picture_arrived(p, sent):
    """The address of a picture reached the provider, or its loss is told."""
    if p.dialect in SHOWN_INLINE:
        p.lost(last_notices(), ";meaning", f"{p.dialect} takes pictures in the request itself only")
    else:
        holds(sent, PICTURE_URL)


def pdf_arrived(p, body):
    """The bytes of a PDF reached the provider, in either alphabet of base64, or their loss is told."""
    if p.dialect in NO_PAPERS:
        return p.lost(last_notices(), ";meaning", f"{p.dialect} takes no PDF")
    sent = json.dumps(body)
    holds(sent.replace(PDF.replace("+", "-").replace("/", "_"), PDF), PDF)


def document_arrived(p, body):
    """The bytes of a PDF and the words of a text reached the provider."""
    pdf_arrived(p, body)
    sent = json.dumps(body, ensure_ascii=False)
    holds(sent.replace(base64.b64encode(PLAIN.encode()).decode(), PLAIN), PLAIN)


def taken_up_plain(p, body, thought, notices, path):
    """The same from clients whose dialect has no place for seals: vendors that want one get nothing, which is told."""
    if p.dialect in TAKES_PLAIN_THOUGHTS:
        holds(json.dumps(body, ensure_ascii=False), thought)
    else:
        p.lost(notices, path, f"a thought comes back without the seal that {p.dialect} wants")


def thinks_again(p, thought):
    """There are thoughts in the second turn, too, but where a model wants its first ones back to have any."""
    if p.dialect == "bedrock_converse":
        reason = "Claude at Bedrock is not asked to think about calls that come back without its sealed thoughts"
        p.lost(last_notices(), ";meaning", reason)
    else:
        assert thought, "there is no reasoning in the second turn"


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
