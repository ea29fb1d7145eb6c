"""The official Python SDK of OpenAI, through the gateway."""

import json

import cells
import openai
import pydantic
from cells import holds, is_city, positive, raises, same, valid

client = openai.OpenAI(base_url=f"{cells.URL}/v1", api_key=cells.KEY, max_retries=0, timeout=30)
create = client.chat.completions.create
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": cells.WEATHER,
        "strict": True,
    },
}
RESULT = "21 degrees and a light breeze"


def user(text):
    return {"role": "user", "content": text}


def whole(p):
    answer = create(
        model=p.model(),
        messages=[{"role": "system", "content": "You guard a line."}, user(f"echo: {p.text()}")],
        max_completion_tokens=300,
        temperature=1,
        stop=["ZZZ"],
        user="user-1",
    )
    same(valid(answer).choices[0].message.content, p.text(), "the text")
    same(answer.choices[0].finish_reason, "stop", "finish_reason")
    same(answer.object, "chat.completion", "object")
    positive(answer.usage.prompt_tokens, "prompt_tokens")
    positive(answer.usage.completion_tokens, "completion_tokens")
    same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens, "total_tokens")
    assert [valid(model) for model in client.models.list()], "no model is listed"


def streamed(p):
    def asked(text):
        return {"model": p.model(), "messages": [user(text)], "max_completion_tokens": 400}

    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        answer = create(**asked(text))
        pieces, reasons, usage = [], [], None
        for chunk in create(**asked(text), stream=True, stream_options={"include_usage": True}):
            same(valid(chunk).object, "chat.completion.chunk", "object")
            usage = chunk.usage or usage
            for choice in chunk.choices:
                pieces.append(choice.delta.content or "")
                reasons += [choice.finish_reason] if choice.finish_reason else []
        assert len([piece for piece in pieces if piece]) > 1, "it came in one piece"
        same("".join(pieces), answer.choices[0].message.content, "the streamed text")
        same(reasons, [answer.choices[0].finish_reason], "finish_reason")
        same(usage.completion_tokens, answer.usage.completion_tokens, "completion_tokens")
        positive(usage.prompt_tokens, "prompt_tokens")


def tool_loop(p):
    def ask(messages, streamed):
        asked = {"model": p.model(), "messages": messages, "tools": [WEATHER]}
        if not streamed:
            return create(**asked)
        with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
            return stream.get_final_completion()

    for is_streamed in [False, True]:
        messages = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
        answer = ask(messages, is_streamed)
        message = (answer if is_streamed else valid(answer)).choices[0].message
        same(answer.choices[0].finish_reason, "tool_calls", "finish_reason")
        positive(answer.usage.completion_tokens, "completion_tokens")
        (call,) = message.tool_calls
        same(call.function.name, "get_weather", "the name")
        arguments = json.loads(call.function.arguments)
        same(arguments["city"], "Paris", "the city")
        assert arguments["unit"] in ["celsius", "fahrenheit"], arguments
        # What the SDK notes on its own side, such as a call's place in the stream, is none of the provider's business.
        function = {"name": call.function.name, "arguments": call.function.arguments}
        said = {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": function}]}
        messages += [said, {"role": "tool", "tool_call_id": call.id, "content": RESULT}]
        final = ask(messages, is_streamed)
        holds(final.choices[0].message.content, RESULT)
        same(final.choices[0].finish_reason, "stop", "finish_reason")


def parallel_tools(p):
    messages = [user(f"What is the weather in Paris and London? ({p.text()})")]
    asked = {"model": p.model(), "tools": [WEATHER]}
    message = create(**asked, messages=messages, parallel_tool_calls=True).choices[0].message
    cities = [json.loads(call.function.arguments)["city"] for call in message.tool_calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call.id for call in message.tool_calls}), 2, "the number of ids")
    messages.append(message.model_dump(exclude_none=True))
    for call, city in zip(message.tool_calls, cities):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{city}: {RESULT}"})
    final = create(**asked, messages=messages).choices[0].message
    holds(final.content, f"Paris: {RESULT}; London: {RESULT}")
    raw = client.chat.completions.with_raw_response.create(**asked, messages=messages[:1], parallel_tool_calls=False)
    cells.forbids_parallel(p, len(raw.parse().choices[0].message.tool_calls), raw.headers, "parallel_tool_calls")
    # The same in a stream: two calls grow in their own places.
    with client.chat.completions.stream(**asked, messages=messages[:1]) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls
    same([json.loads(call.function.arguments)["city"] for call in calls], cities, "the streamed cities")


class City(pydantic.BaseModel):
    name: str
    inhabitants: int
    districts: list[str]
    capital: bool


def structured_output(p):
    asked = {"model": p.model(), "messages": [user(f"Describe Paris. {p.text()}")]}
    parsed = client.chat.completions.parse(**asked, response_format=City)
    assert isinstance(parsed.choices[0].message.parsed, City), parsed
    with client.chat.completions.stream(**asked, response_format=City) as stream:
        streamed = stream.get_final_completion().choices[0].message
    same(streamed.parsed, parsed.choices[0].message.parsed, "the streamed value")
    schema = {"name": "city", "schema": cells.CITY, "strict": True}
    plain = create(**asked, response_format={"type": "json_schema", "json_schema": schema})
    is_city(json.loads(plain.choices[0].message.content))


def image(p):
    url = f"data:image/png;base64,{cells.PNG}"
    content = [
        {"type": "text", "text": f"echo: {p.text()}"},
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "image_url", "image_url": {"url": cells.PICTURE_URL}},
    ]
    answer = create(model=p.model(), messages=[{"role": "user", "content": content}])
    same(answer.choices[0].message.content, p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)
    cells.picture_arrived(p, json.dumps(body))


def document(p):
    content = [
        {"type": "text", "text": f"echo: {p.text()}"},
        {"type": "file", "file": {"filename": "timetable.pdf", "file_data": f"data:application/pdf;base64,{cells.PDF}"}},
    ]
    raw = client.chat.completions.with_raw_response.create(model=p.model(), messages=[user(content)])
    holds(raw.parse().choices[0].message.content, p.text())
    ((_, body),) = p.sent(p.text())
    cells.pdf_arrived(p, body)


def reasoning_with_tools(p):
    asked = {"model": p.model(), "tools": [WEATHER], "reasoning_effort": "high"}
    messages = [user(f"What is the weather in Paris? ({p.text()})")]
    answer = create(**asked, messages=messages)
    message = answer.choices[0].message
    if p.dialect == "openai_responses":
        # Its vendor tells thoughts to clients of Chat Completions in numbers only.
        positive(answer.usage.completion_tokens_details.reasoning_tokens, "reasoning_tokens")
        (call,) = message.tool_calls
        messages += [message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": RESULT}]
        holds(create(**asked, messages=messages).choices[0].message.content, RESULT)
        return p.partly(cells.THOUGHTS_IN_NUMBERS)
    assert message.reasoning_content, "there is no reasoning"
    if p.dialect == "openai_chat":
        positive(answer.usage.completion_tokens_details.reasoning_tokens, "reasoning_tokens")
    (call,) = message.tool_calls
    pieces = []
    for chunk in create(**asked, messages=messages, stream=True):
        valid(chunk)
        pieces += [getattr(choice.delta, "reasoning_content", None) or "" for choice in chunk.choices]
    same("".join(pieces), message.reasoning_content, "the streamed reasoning")
    messages += [
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": RESULT},
    ]
    raw = client.chat.completions.with_raw_response.create(**asked, messages=messages)
    final = raw.parse()
    holds(final.choices[0].message.content, RESULT)
    cells.thinks_again(p, getattr(final.choices[0].message, "reasoning_content", None))
    # Reasoning of an earlier turn reaches the provider, or its loss is told.
    _, body = p.sent(p.text())[-1]
    told = raw.headers.get(cells.NOTICES)
    cells.taken_up_plain(p, body, message.reasoning_content, told, "messages[1].reasoning_content;meaning")


def error(p):
    def ask(directives="", **more):
        messages = [user(p.text())]
        return create(**{"model": p.model(directives), "messages": messages, **more})

    limited = raises(openai.RateLimitError, lambda: ask("?fault=rate_limited:retry_after=2"))
    same(limited.response.headers.get("retry-after"), "2", "retry-after")
    missing = raises(openai.NotFoundError, lambda: create(model="nowhere/sim-1", messages=[user("hello")]))
    holds(str(missing), "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        raises(openai.BadRequestError, lambda: ask(messages=[]))
    raises(openai.BadRequestError, lambda: ask("?fault=bad_request"))
    raises(openai.InternalServerError, lambda: ask("?fault=overloaded"))
    raises(openai.InternalServerError, lambda: ask("?fault=server_error"))
    stranger = client.with_options(api_key="wrong")
    raises(openai.AuthenticationError, lambda: stranger.models.list())
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(openai.APIError, lambda: list(ask(f"?fault={fault}", stream=True)))


def cancel(p):
    model = p.model("?tokens_per_second=10&output_tokens=400")
    stream = create(model=model, messages=[user(p.text())], stream=True)
    for seen, _ in enumerate(stream):
        if seen == 3:
            break
    stream.close()
    ((number, _),) = p.sent(p.text())
    cells.ended_early(number)


def embeddings(p):
    texts = [p.text(), "a second text", "a third"]
    model = p.model().replace("sim-1", "sim-embed")
    if p.dialect not in cells.EMBEDS:
        refused = raises(openai.APIStatusError, lambda: client.embeddings.create(model=model, input=texts))
        # A provider that has them is named.
        p.refused(refused, "these providers have: chat", cells.NO_VECTORS)
    answer = valid(client.embeddings.create(model=model, input=texts))
    same([item.index for item in answer.data], [0, 1, 2], "the numbers")
    positive(answer.usage.prompt_tokens, "prompt_tokens")
    plain = client.embeddings.create(model=model, input=texts, encoding_format="float")
    same(len(plain.data[0].embedding), len(answer.data[0].embedding), "the dimensions")
    # The SDK asks for base64 unless told otherwise: both must be the same numbers, to the precision of 32 bits.
    close = all(abs(one - other) < 1e-6 for one, other in zip(plain.data[1].embedding, answer.data[1].embedding))
    assert close, "base64 and float differ"
    short = client.embeddings.create(model=model, input=texts[0], dimensions=256)
    same(len(short.data[0].embedding), 256, "the dimensions that were asked for")


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
    cells.run("openai (Python)", "openai_chat", openai.__version__, scenarios)
