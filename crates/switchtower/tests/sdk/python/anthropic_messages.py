"""The official Python SDK of Anthropic, through the gateway: as it reaches its vendor, Bedrock and Vertex AI."""

import json

import anthropic
import cells
import pydantic
from cells import holds, is_city, positive, raises, same, valid


def of_vendor(key=cells.KEY):
    return anthropic.Anthropic(base_url=cells.URL, api_key=key, max_retries=0, timeout=30)


def of_bedrock(key=cells.KEY):
    # The id of a key is its name at the gateway.
    return anthropic.AnthropicBedrock(
        base_url=cells.URL,
        aws_access_key="sdk",
        aws_secret_key=key,
        aws_region="eu-central-1",
        max_retries=0,
        timeout=30,
    )


def of_vertex(key=cells.KEY):
    return anthropic.AnthropicVertex(
        base_url=f"{cells.URL}/v1",
        project_id="project-1",
        region="global",
        access_token=key,
        max_retries=0,
        timeout=30,
    )


connect = of_vendor
client = connect()
WEATHER = {"name": "get_weather", "description": "The weather of a city", "input_schema": cells.WEATHER}
RESULT = "21 degrees and a light breeze"


def user(content):
    return {"role": "user", "content": content}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def calls_of(message):
    return [block for block in message.content if block.type == "tool_use"]


def result(call, text):
    return {"type": "tool_result", "tool_use_id": call.id, "content": text}


def whole(p):
    answer = client.messages.create(
        model=p.model(),
        max_tokens=300,
        system=[{"type": "text", "text": "You guard a line."}],
        messages=[user(f"echo: {p.text()}")],
        stop_sequences=["ZZZ"],
        metadata={"user_id": "user-1"},
    )
    same(text_of(valid(answer)), p.text(), "the text")
    same(answer.stop_reason, "end_turn", "stop_reason")
    same((answer.type, answer.role), ("message", "assistant"), "type and role")
    positive(answer.usage.input_tokens, "input_tokens")
    positive(answer.usage.output_tokens, "output_tokens")
    if connect is of_vendor:
        assert [valid(model) for model in client.models.list()], "no model is listed"
    # At Bedrock the SDK counts nothing.
    if p.dialect == "anthropic_messages" and connect is not of_bedrock:
        counted = client.messages.count_tokens(model=p.model(), messages=[user(f"echo: {p.text()}")])
        positive(counted.input_tokens, "the count of tokens")


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        asked = {"model": p.model(), "max_tokens": 400, "messages": [user(text)]}
        answer = client.messages.create(**asked)
        kinds = []
        for event in client.messages.create(**asked, stream=True):
            kinds.append(valid(event).type)
        same((kinds[0], kinds[-2:]), ("message_start", ["message_delta", "message_stop"]), "the events")
        assert kinds.count("content_block_delta") > 1, "it came in one piece"
        with client.messages.stream(**asked) as stream:
            pieces = list(stream.text_stream)
            final = stream.get_final_message()
        same("".join(pieces), text_of(answer), "the streamed text")
        same(final.stop_reason, answer.stop_reason, "stop_reason")
        same(final.usage.output_tokens, answer.usage.output_tokens, "output_tokens")
        positive(final.usage.input_tokens, "input_tokens")


def tool_loop(p):
    def ask(messages, streamed):
        asked = {"model": p.model(), "max_tokens": 500, "messages": messages, "tools": [WEATHER]}
        if not streamed:
            return client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            return stream.get_final_message()

    for is_streamed in [False, True]:
        messages = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
        answer = ask(messages, is_streamed)
        same((answer if is_streamed else valid(answer)).stop_reason, "tool_use", "stop_reason")
        positive(answer.usage.output_tokens, "output_tokens")
        (call,) = calls_of(answer)
        same((call.name, call.input["city"]), ("get_weather", "Paris"), "the call")
        assert call.input["unit"] in ["celsius", "fahrenheit"], call.input
        messages += [{"role": "assistant", "content": answer.content}, user([result(call, RESULT)])]
        final = ask(messages, is_streamed)
        holds(text_of(final), RESULT)
        same(final.stop_reason, "end_turn", "stop_reason")


def parallel_tools(p):
    messages = [user(f"What is the weather in Paris and London? ({p.text()})")]
    asked = {"model": p.model(), "max_tokens": 500, "tools": [WEATHER]}
    answer = client.messages.create(**asked, messages=messages)
    calls = calls_of(answer)
    cities = [call.input["city"] for call in calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call.id for call in calls}), 2, "the number of ids")
    results = [result(call, f"{call.input['city']}: {RESULT}") for call in calls]
    messages += [{"role": "assistant", "content": answer.content}, user(results)]
    holds(text_of(client.messages.create(**asked, messages=messages)), f"Paris: {RESULT}; London: {RESULT}")
    forbidding = {"type": "auto", "disable_parallel_tool_use": True}
    raw = client.messages.with_raw_response.create(**asked, messages=messages[:1], tool_choice=forbidding)
    cells.forbids_parallel(p, len(calls_of(raw.parse())), raw.headers, "tool_choice.disable_parallel_tool_use")
    with client.messages.stream(**asked, messages=messages[:1]) as stream:
        calls = calls_of(stream.get_final_message())
    same([call.input["city"] for call in calls], cities, "the streamed cities")


class City(pydantic.BaseModel):
    name: str
    inhabitants: int
    districts: list[str]
    capital: bool


def structured_output(p):
    asked = {"model": p.model(), "max_tokens": 500, "messages": [user(f"Describe Paris. {p.text()}")]}
    parsed = client.messages.parse(**asked, output_format=City).parsed_output
    assert isinstance(parsed, City), parsed
    with client.messages.stream(**asked, output_format=City) as stream:
        same(stream.get_final_message().parsed_output, parsed, "the streamed value")
    plain = client.messages.create(**asked, output_config={"format": {"type": "json_schema", "schema": cells.CITY}})
    is_city(json.loads(text_of(plain)))


def image(p):
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": cells.PNG}},
        {"type": "image", "source": {"type": "url", "url": cells.PICTURE_URL}},
        {"type": "text", "text": f"echo: {p.text()}"},
    ]
    answer = client.messages.create(model=p.model(), max_tokens=300, messages=[user(content)])
    same(text_of(answer), p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)
    cells.picture_arrived(p, json.dumps(body))


def document(p):
    paper = {"type": "base64", "media_type": "application/pdf", "data": cells.PDF}
    note = {"type": "text", "media_type": "text/plain", "data": cells.PLAIN}
    content = [
        {"type": "text", "text": f"echo: {p.text()}"},
        {"type": "document", "source": paper, "title": "Timetable"},
        {"type": "document", "source": note},
    ]
    asked = {"model": p.model(), "max_tokens": 300, "messages": [user(content)]}
    holds(text_of(client.messages.create(**asked)), p.text())
    ((_, body),) = p.sent(p.text())
    cells.document_arrived(p, body)


def reasoning_with_tools(p):
    think_then_call(p, {"thinking": {"type": "enabled", "budget_tokens": 2000}})
    think_then_call(p, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}})


def think_then_call(p, reasoning):
    asked = {"model": p.model(), "max_tokens": 4000, "tools": [WEATHER], **reasoning}
    messages = [user(f"What is the weather in Paris? ({p.text()})")]
    answer = valid(client.messages.create(**asked, messages=messages))
    thought = next(block for block in answer.content if block.type == "thinking")
    assert thought.thinking, "there is no reasoning"
    same(answer.content[0].type, "thinking", "the first block")
    for event in client.messages.create(**asked, messages=messages, stream=True):
        valid(event)
    with client.messages.stream(**asked, messages=messages) as stream:
        again = stream.get_final_message()
    same([block.type for block in again.content], [block.type for block in answer.content], "the streamed blocks")
    same(again.content[0].thinking, thought.thinking, "the streamed reasoning")
    same(again.content[0].signature, thought.signature, "the streamed signature")
    (call,) = calls_of(answer)
    messages += [{"role": "assistant", "content": answer.content}, user([result(call, RESULT)])]
    final = client.messages.create(**asked, messages=messages)
    holds(text_of(final), RESULT)
    assert any(block.type == "thinking" for block in final.content), "there is no reasoning in the second turn"
    _, body = p.sent(p.text())[-1]
    cells.taken_up(p, body, thought.thinking)


def error(p):
    def ask(directives="", **more):
        return client.messages.create(**{"model": p.model(directives), "max_tokens": 300, "messages": [user(p.text())], **more})

    limited = raises(anthropic.RateLimitError, lambda: ask("?fault=rate_limited:retry_after=2"))
    same(limited.response.headers.get("retry-after"), "2", "retry-after")
    missing = raises(anthropic.NotFoundError, lambda: ask(model="nowhere/sim-1"))
    holds(str(missing), "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        raises(anthropic.BadRequestError, lambda: ask(messages=[]))
    raises(anthropic.BadRequestError, lambda: ask("?fault=bad_request"))
    raises(anthropic.InternalServerError, lambda: ask("?fault=overloaded"))
    raises(anthropic.InternalServerError, lambda: ask("?fault=server_error"))
    stranger = connect("wrong")
    hello = {"model": p.model(), "max_tokens": 9, "messages": [user("hello")]}
    raises(anthropic.AuthenticationError, lambda: stranger.messages.create(**hello))
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(anthropic.APIError, lambda: list(ask(f"?fault={fault}", stream=True)))


def cancel(p):
    model = p.model("?tokens_per_second=10&output_tokens=400")
    stream = client.messages.create(model=model, max_tokens=1000, messages=[user(p.text())], stream=True)
    for seen, _ in enumerate(stream):
        if seen == 4:
            break
    stream.close()
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
    ]
    for name, connect in [
        ("anthropic (Python)", of_vendor),
        ("anthropic (Python, Bedrock)", of_bedrock),
        ("anthropic (Python, Vertex AI)", of_vertex),
    ]:
        client = connect()
        cells.run(name, "anthropic_messages", anthropic.__version__, scenarios)
