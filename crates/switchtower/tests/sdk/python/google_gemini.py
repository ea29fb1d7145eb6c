"""The official Python SDK of Google, through the gateway: as it reaches AI Studio, and as it reaches Vertex AI."""

import base64
import json
import urllib.parse

import cells
import pydantic
from cells import holds, is_city, positive, raises, same
from google import genai
from google.genai import errors, types
from google.oauth2.credentials import Credentials

RESULT = "21 degrees and a light breeze"
DECLARED = {"name": "get_weather", "description": "The weather of a city"}
# The same schema in JSON Schema, and in the subset of OpenAPI that the vendor had first.
TOOLS = [
    types.Tool(function_declarations=[{**DECLARED, "parameters_json_schema": cells.WEATHER}]),
    types.Tool(
        function_declarations=[
            {
                **DECLARED,
                "parameters": {
                    "type": "OBJECT",
                    "properties": {
                        "city": {"type": "STRING"},
                        "unit": {"type": "STRING", "enum": ["celsius", "fahrenheit"]},
                    },
                    "required": ["city", "unit"],
                },
            }
        ]
    ),
]


def ai_studio(key=cells.KEY):
    return genai.Client(api_key=key, http_options={"base_url": cells.URL, "timeout": 30_000})


def vertex_ai(key=cells.KEY):
    # A token that never expires is never fetched anew, so that nobody else is called.
    options = {"base_url": cells.URL, "timeout": 30_000}
    return genai.Client(
        vertexai=True, project="project-1", location="global", credentials=Credentials(token=key), http_options=options
    )


connect = ai_studio
client = connect()


def model(p, directives=""):
    """The name as it stands in an address."""
    return urllib.parse.quote(p.model(directives), safe="/")


def create(p, contents, directives="", **config):
    return client.models.generate_content(model=model(p, directives), contents=contents, config=config)


def stream(p, contents, directives="", **config):
    return client.models.generate_content_stream(model=model(p, directives), contents=contents, config=config)


def user(*parts):
    return types.Content(role="user", parts=[types.Part(text=part) if isinstance(part, str) else part for part in parts])


def candidate_of(answer):
    (candidate,) = answer.candidates
    same(candidate.content.role, "model", "the role")
    return candidate


def parts_of(answer):
    return candidate_of(answer).content.parts or []


def calls_of(parts):
    return [part.function_call for part in parts if part.function_call]


def text_of(parts):
    return "".join(part.text for part in parts if part.text and not part.thought)


def thought_of(parts):
    return "".join(part.text for part in parts if part.text and part.thought)


def result(call, text):
    return types.Part(function_response={"id": call.id, "name": call.name, "response": {"result": text}})


def gathered(chunks):
    """The parts of all chunks and the last chunk, which must be the only one that says why it ended."""
    chunks = list(chunks)
    parts = [part for chunk in chunks for candidate in chunk.candidates or [] for part in candidate.content.parts or []]
    ends = [candidate.finish_reason for chunk in chunks for candidate in chunk.candidates or []]
    same(len([end for end in ends if end]), 1, "the number of reasons to finish")
    return parts, chunks[-1]


def whole(p):
    answer = create(
        p,
        [user(f"echo: {p.text()}")],
        system_instruction="You guard a line.",
        max_output_tokens=300,
        temperature=1,
        stop_sequences=["ZZZ"],
    )
    same(answer.text, p.text(), "the text")
    same(candidate_of(answer).finish_reason, types.FinishReason.STOP, "finish_reason")
    usage = answer.usage_metadata
    positive(usage.prompt_token_count, "prompt_token_count")
    positive(usage.candidates_token_count, "candidates_token_count")
    same(usage.total_token_count, usage.prompt_token_count + usage.candidates_token_count, "total_token_count")
    assert answer.response_id and answer.model_version, "there is no response_id or model_version"
    assert [known.name for known in client.models.list()], "no model is listed"
    if p.dialect == "google_gemini":
        counted = client.models.count_tokens(model=model(p), contents=[user(f"echo: {p.text()}")])
        positive(counted.total_tokens, "the count of tokens")


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        answer = create(p, [user(text)], max_output_tokens=400)
        parts, last = gathered(stream(p, [user(text)], max_output_tokens=400))
        assert len([part for part in parts if part.text]) > 1, "it came in one piece"
        same(text_of(parts), answer.text, "the streamed text")
        same(last.candidates[0].finish_reason, candidate_of(answer).finish_reason, "finish_reason")
        usage = (last.usage_metadata, answer.usage_metadata)
        same(usage[0].candidates_token_count, usage[1].candidates_token_count, "candidates_token_count")
        positive(usage[0].prompt_token_count, "prompt_token_count")


def tool_loop(p):
    for tool in TOOLS:
        for is_streamed in [False, True]:

            def ask(contents):
                if is_streamed:
                    return gathered(stream(p, contents, tools=[tool]))
                answer = create(p, contents, tools=[tool])
                return parts_of(answer), answer

            contents = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
            parts, last = ask(contents)
            same(last.candidates[0].finish_reason, types.FinishReason.STOP, "finish_reason")
            positive(last.usage_metadata.candidates_token_count, "candidates_token_count")
            (call,) = calls_of(parts)
            same((call.name, call.args["city"]), ("get_weather", "Paris"), "the call")
            assert call.args["unit"] in ["celsius", "fahrenheit"], call.args
            contents += [types.Content(role="model", parts=parts), user(result(call, RESULT))]
            parts, last = ask(contents)
            holds(text_of(parts), RESULT)
            same(last.candidates[0].finish_reason, types.FinishReason.STOP, "finish_reason")


def parallel_tools(p):
    contents = [user(f"What is the weather in Paris and London? ({p.text()})")]
    answer = create(p, contents, tools=TOOLS[:1])
    calls = calls_of(parts_of(answer))
    cities = [call.args["city"] for call in calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call.id for call in calls}), 2, "the number of ids")
    results = [result(call, f"{call.args['city']}: {RESULT}") for call in calls]
    contents += [candidate_of(answer).content, user(*results)]
    final = create(p, contents, tools=TOOLS[:1])
    for city in cities:
        holds(final.text, f"{city}: {RESULT}")
    parts, _ = gathered(stream(p, contents[:1], tools=TOOLS[:1]))
    same([call.args["city"] for call in calls_of(parts)], cities, "the streamed cities")


class City(pydantic.BaseModel):
    name: str
    inhabitants: int
    districts: list[str]
    capital: bool


def structured_output(p):
    contents = [user(f"Describe Paris. {p.text()}")]
    asked = {"response_mime_type": "application/json", "response_schema": City}
    parsed = create(p, contents, **asked).parsed
    assert isinstance(parsed, City), parsed
    parts, _ = gathered(stream(p, contents, **asked))
    same(City.model_validate_json(text_of(parts)), parsed, "the streamed value")
    plain = create(p, contents, response_mime_type="application/json", response_json_schema=cells.CITY)
    is_city(json.loads(plain.text))


def image(p):
    picture = types.Part.from_bytes(data=base64.b64decode(cells.PNG), mime_type="image/png")
    address = types.Part.from_uri(file_uri=cells.PICTURE_URL, mime_type="image/png")
    answer = create(p, [user(f"echo: {p.text()}", picture, address)])
    same(answer.text, p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    sent = json.dumps(body)
    if p.dialect == "google_gemini":
        # The SDK writes bytes in the other alphabet of base64, which its vendor takes as well.
        sent = sent.replace(base64.urlsafe_b64encode(base64.b64decode(cells.PNG)).decode(), cells.PNG)
    holds(sent, cells.PNG)
    cells.picture_arrived(p, sent)


def document(p):
    paper = types.Part.from_bytes(data=base64.b64decode(cells.PDF), mime_type="application/pdf")
    note = types.Part.from_bytes(data=cells.PLAIN.encode(), mime_type="text/plain")
    holds(create(p, [user(f"echo: {p.text()}", paper, note)]).text, p.text())
    ((_, body),) = p.sent(p.text())
    cells.document_arrived(p, body)


def embeddings(p):
    texts = [p.text(), "a second text", "a third"]
    asked = {"model": model(p).replace("sim-1", "sim-embed")}
    if p.dialect not in cells.EMBEDS:
        refused = raises(errors.APIError, lambda: client.models.embed_content(contents=texts, **asked))
        p.refused(refused, "no embeddings", cells.NO_VECTORS)
    answer = client.models.embed_content(contents=texts, **asked)
    same(len(answer.embeddings), 3, "the number of vectors")
    alone = client.models.embed_content(contents=texts[1], **asked)
    same(alone.embeddings[0].values, answer.embeddings[1].values, "the vector of a text among others and alone")
    short = client.models.embed_content(contents=texts[0], config={"output_dimensionality": 256}, **asked)
    same(len(short.embeddings[0].values), 256, "the dimensions that were asked for")


def reasoning_with_tools(p):
    think_then_call(p, {"include_thoughts": True, "thinking_budget": 2048})
    think_then_call(p, {"include_thoughts": True, "thinking_level": "HIGH"})


def think_then_call(p, thinking):
    asked = {"tools": TOOLS[:1], "thinking_config": thinking}
    contents = [user(f"What is the weather in Paris? ({p.text()})")]
    answer = create(p, contents, **asked)
    parts = parts_of(answer)
    thought = thought_of(parts)
    assert thought, "there is no reasoning"
    if p.dialect not in cells.UNCOUNTED_THOUGHTS:
        positive(answer.usage_metadata.thoughts_token_count, "thoughts_token_count")
    again, _ = gathered(stream(p, contents, **asked))
    same(thought_of(again), thought, "the streamed reasoning")
    (call,) = calls_of(parts)
    for kept in [parts, again]:
        told = [*contents, types.Content(role="model", parts=kept), user(result(call, RESULT))]
        final = parts_of(create(p, told, **asked))
        holds(text_of(final), RESULT)
        assert thought_of(final), "there is no reasoning in the second turn"
        # Reasoning of the turn before reaches the provider, in words or sealed.
        _, body = p.sent(p.text())[-1]
        cells.taken_up(p, body, "encrypted_content" if p.dialect == "openai_responses" else thought)


def error(p):
    def ask(directives="", contents=None):
        return create(p, [user(p.text())] if contents is None else contents, directives)

    def fails(kind, code, call):
        failed = raises(kind, call)
        same(failed.code, code, "the code")
        return failed

    limited = fails(errors.ClientError, 429, lambda: ask("?fault=rate_limited:retry_after=2"))
    same(limited.response.headers.get("retry-after"), "2", "retry-after")
    same(limited.status, "RESOURCE_EXHAUSTED", "the status")
    nowhere = {"model": "nowhere/sim-1", "contents": "hello"}
    missing = fails(errors.ClientError, 404, lambda: client.models.generate_content(**nowhere))
    holds(str(missing), "nowhere/sim-1")
    fails(errors.ClientError, 400, lambda: ask("?fault=bad_request"))
    fails(errors.ServerError, 503, lambda: ask("?fault=overloaded"))
    raises(errors.ServerError, lambda: ask("?fault=server_error"))
    stranger = connect("wrong")
    wrong = raises(errors.ClientError, lambda: stranger.models.generate_content(model=model(p), contents="hello"))
    assert wrong.code in (400, 401, 403), wrong.code
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(errors.APIError, lambda: list(stream(p, [user(p.text())], f"?fault={fault}")))


def cancel(p):
    # Leaving is closing the connection, which the SDK keeps for itself.
    leaving = connect()
    name = model(p, "?tokens_per_second=10&output_tokens=400")
    answer = leaving.models.generate_content_stream(model=name, contents=[user(p.text())])
    for seen, _ in enumerate(answer):
        if seen == 3:
            break
    answer.close()
    leaving.close()
    ((number, _),) = p.sent(p.text())
    cells.ended_early(number)


if __name__ == "__main__":
    scenarios = [
        whole,
        streamed,
        tool_loop,
        parallel_tools,
        structured_output,
        image,
        document,
        reasoning_with_tools,
        error,
        cancel,
        embeddings,
    ]
    for name, connect in [("google-genai (Python)", ai_studio), ("google-genai (Python, Vertex AI)", vertex_ai)]:
        client = connect()
        cells.run(name, "google_gemini", genai.__version__, scenarios)
