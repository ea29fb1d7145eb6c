"""The official Python SDK of Mistral, whose API is Chat Completions with words of its own, through the gateway."""

import importlib.metadata
import json

import cells
import httpx2
import pydantic
from cells import holds, is_city, positive, raises, same
from mistralai.client import Mistral, errors

RESULT = "21 degrees and a light breeze"
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather of a city", "parameters": cells.WEATHER},
}


# The SDK keeps the headers of answers to itself.
notices = []


def connect(key=cells.KEY):
    hooks = {"response": [lambda answer: notices.append(answer.headers.get(cells.NOTICES))]}
    http = httpx2.Client(event_hooks=hooks, follow_redirects=True)
    return Mistral(api_key=key, server_url=cells.URL, client=http, timeout_ms=30_000)


client = connect()


def create(p, messages, directives="", **more):
    return client.chat.complete(model=p.model(directives), messages=messages, **more)


def create_with_notices(p, messages, **more):
    """The answer, and what its headers tell."""
    answer = create(p, messages, **more)
    return answer, notices[-1]


def stream(p, messages, directives="", **more):
    return client.chat.stream(model=p.model(directives), messages=messages, **more)


def user(content):
    return {"role": "user", "content": content}


def result(call, text):
    return {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": text}


def arguments_of(call):
    arguments = call.function.arguments
    return json.loads(arguments) if isinstance(arguments, str) else arguments


class Gathered:
    """What the chunks of a stream come to."""

    def __init__(self, events):
        self.pieces, self.calls, self.usage, reasons = [], {}, None, []
        for event in events:
            self.usage = event.data.usage or self.usage
            for choice in event.data.choices:
                self.pieces += [choice.delta.content] if choice.delta.content else []
                reasons += [choice.finish_reason] if choice.finish_reason else []
                for call in choice.delta.tool_calls or []:
                    known = self.calls.setdefault(call.index, call)
                    if known is not call:
                        known.function.arguments += call.function.arguments
        (self.reason,) = reasons
        self.text = "".join(self.pieces)


def whole(p):
    answer = create(
        p,
        [{"role": "system", "content": "You guard a line."}, user(f"echo: {p.text()}")],
        max_tokens=300,
        temperature=1,
        stop=["ZZZ"],
    )
    same(answer.choices[0].message.content, p.text(), "the text")
    same(answer.choices[0].finish_reason, "stop", "finish_reason")
    positive(answer.usage.prompt_tokens, "prompt_tokens")
    positive(answer.usage.completion_tokens, "completion_tokens")
    same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens, "total_tokens")
    assert [known.id for known in client.models.list().data], "no model is listed"


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        answer = create(p, [user(text)], max_tokens=400)
        again = Gathered(stream(p, [user(text)], max_tokens=400))
        assert len(again.pieces) > 1, "it came in one piece"
        same(again.text, answer.choices[0].message.content, "the streamed text")
        same(again.reason, answer.choices[0].finish_reason, "finish_reason")


def streamed_calls(p, events):
    """The SDK reads calls that come in one piece, as its vendor streams them and Gemini does."""
    if p.dialect in ["google_gemini", "ollama_chat"]:
        return list(Gathered(events).calls.values())
    holds(str(raises(errors.ResponseValidationError, lambda: list(events))), "function.name")
    p.partly("the SDK reads streamed calls in one piece only, as its vendor sends them")
    return []


def tool_loop(p):
    messages = [user(f"What is the weather in Paris? ({p.text()})")]
    choice = create(p, messages, tools=[WEATHER]).choices[0]
    same(choice.finish_reason, "tool_calls", "finish_reason")
    (call,) = choice.message.tool_calls
    same((call.function.name, arguments_of(call)["city"]), ("get_weather", "Paris"), "the call")
    assert arguments_of(call)["unit"] in ["celsius", "fahrenheit"], call
    for streamed in streamed_calls(p, stream(p, messages, tools=[WEATHER])):
        same((streamed.function.name, arguments_of(streamed)), ("get_weather", arguments_of(call)), "the streamed call")
    messages += [choice.message, result(call, RESULT)]
    final = create(p, messages, tools=[WEATHER])
    holds(final.choices[0].message.content, RESULT)
    holds(Gathered(stream(p, messages, tools=[WEATHER])).text, RESULT)


def parallel_tools(p):
    messages = [user(f"What is the weather in Paris and London? ({p.text()})")]
    asked = {"tools": [WEATHER], "parallel_tool_calls": True}
    message = create(p, messages, **asked).choices[0].message
    cities = [arguments_of(call)["city"] for call in message.tool_calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call.id for call in message.tool_calls}), 2, "the number of ids")
    results = [result(call, f"{city}: {RESULT}") for call, city in zip(message.tool_calls, cities)]
    calls = streamed_calls(p, stream(p, messages, **asked))
    same([arguments_of(call)["city"] for call in calls], cities[: len(calls)], "the streamed cities")
    messages += [message, *results]
    final = create(p, messages, **asked)
    holds(final.choices[0].message.content, f"Paris: {RESULT}; London: {RESULT}")


class City(pydantic.BaseModel):
    name: str
    inhabitants: int
    districts: list[str]
    capital: bool


def structured_output(p):
    asked = {"model": p.model(), "messages": [user(f"Describe Paris. {p.text()}")]}
    parsed = client.chat.parse(City, **asked).choices[0].message.parsed
    assert isinstance(parsed, City), parsed
    again = Gathered(client.chat.parse_stream(City, **asked))
    same(City.model_validate_json(again.text), parsed, "the streamed value")
    schema = {"name": "city", "schema_definition": cells.CITY, "strict": True}
    plain = client.chat.complete(**asked, response_format={"type": "json_schema", "json_schema": schema})
    is_city(json.loads(plain.choices[0].message.content))


def image(p):
    # An address stands alone or in an object.
    pictures = [{"type": "image_url", "image_url": address} for address in [cells.PICTURE_DATA, {"url": cells.PICTURE_URL}]]
    messages = [user([{"type": "text", "text": f"echo: {p.text()}"}, *pictures])]
    answer = create(p, messages)
    same(answer.choices[0].message.content, p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)
    cells.picture_arrived(p, json.dumps(body))


def document(p):
    address = f"data:application/pdf;base64,{cells.PDF}"
    paper = {"type": "document_url", "document_url": address, "document_name": "timetable.pdf"}
    messages = [user([{"type": "text", "text": f"echo: {p.text()}"}, paper])]
    answer = create(p, messages)
    holds(answer.choices[0].message.content, p.text())
    ((_, body),) = p.sent(p.text())
    cells.pdf_arrived(p, body)
    # What an answer of its own referred to may come back among the texts.
    text = {"type": "text", "text": "So it says."}
    referring = {"role": "assistant", "content": [text, {"type": "reference", "reference_ids": [1]}]}
    _, told = create_with_notices(p, [user("What does it say?"), referring, user("Where?")])
    p.lost(told, "messages[1].content[1]", "references to what Mistral's own models found mean nothing to others")


def reasoning_with_tools(p):
    asked = {"tools": [WEATHER], "reasoning_effort": "high"}
    messages = [user(f"What is the weather in Paris? ({p.text()})")]
    message = create(p, messages, **asked).choices[0].message
    assert message.tool_calls and not message.content, message
    p.partly("the SDK knows thoughts as parts of the content only, and drops those that stand beside it")
    messages += [message, result(message.tool_calls[0], RESULT)]
    final = create(p, messages, **asked)
    holds(final.choices[0].message.content, RESULT)
    # What its own models think it gives back as parts.
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Paris lies on the Seine."}]}
    messages[1] = {"role": "assistant", "content": [thought], "tool_calls": message.tool_calls}
    _, told = create_with_notices(p, messages, **asked)
    _, body = p.sent(p.text())[-1]
    cells.taken_up_plain(p, body, "Paris lies on the Seine.", told, "messages[1].content[0];meaning")


def error(p):
    def fails(status, call):
        failed = raises(errors.MistralError, call)
        assert failed.status_code in status, f"{failed.status_code}: {failed.body}"
        return failed

    def ask(directives="", messages=None):
        return create(p, [user(p.text())] if messages is None else messages, directives)

    limited = fails([429], lambda: ask("?fault=rate_limited:retry_after=2"))
    same(limited.headers.get("retry-after"), "2", "retry-after")
    missing = fails([404], lambda: client.chat.complete(model="nowhere/sim-1", messages=[user("hello")]))
    holds(missing.body, "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        fails([400], lambda: ask(messages=[]))
    fails([400], lambda: ask("?fault=bad_request"))
    fails([503], lambda: ask("?fault=overloaded"))
    fails([500, 502], lambda: ask("?fault=server_error"))
    fails([401], lambda: connect("wrong").models.list())
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(errors.MistralError, lambda: list(stream(p, [user(p.text())], f"?fault={fault}")))


def cancel(p):
    answer = stream(p, [user(p.text())], "?tokens_per_second=10&output_tokens=400")
    with answer:
        for seen, _ in enumerate(answer):
            if seen == 3:
                break
    ((number, _),) = p.sent(p.text())
    cells.ended_early(number)


def embeddings(p):
    asked = {"model": p.model().replace("sim-1", "sim-embed"), "inputs": [p.text(), "a second text", "a third"]}
    if p.dialect not in cells.EMBEDS:
        # A provider that has them is named.
        p.refused(raises(errors.MistralError, lambda: client.embeddings.create(**asked)), "no embeddings", cells.NO_VECTORS)
    if p.dialect == "cohere_chat":
        return same(len(client.embeddings.create(**asked).data), 3, "the number of vectors")
    unread = raises(errors.ResponseValidationError, lambda: client.embeddings.create(**asked))
    same(len(json.loads(unread.body)["data"]), 3, "the number of vectors")
    p.refused(unread, "body.id", "the SDK wants an id of the vectors, and its own vendor's only have one")


def fill_in(p):
    asked = {"model": p.model(), "prompt": "def points(", "suffix": "return line"}
    if p.dialect not in cells.FILLS_IN:
        p.refused(raises(errors.MistralError, lambda: client.fim.complete(**asked)), "no fim", cells.NO_FIM)
    answer = client.fim.complete(**asked, max_tokens=50)
    assert answer.choices[0].message.content, "there is no text"
    positive(answer.usage.completion_tokens, "completion_tokens")
    again = Gathered(client.fim.stream(**asked, max_tokens=50))
    same(again.text, answer.choices[0].message.content, "the streamed text")


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
        fill_in,
    ]
    cells.run("mistralai", "openai_chat", importlib.metadata.version("mistralai"), scenarios)
