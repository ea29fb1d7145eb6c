"""The official Python SDK of OpenAI speaking Responses, through the gateway."""

import json

import cells
import openai
import pydantic
from cells import holds, is_city, positive, raises, same, valid

client = openai.OpenAI(base_url=f"{cells.URL}/v1", api_key=cells.KEY, max_retries=0, timeout=30)
create = client.responses.create
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": cells.WEATHER,
    "strict": True,
}
RESULT = "21 degrees and a light breeze"


def user(content):
    return {"role": "user", "content": content}


def calls_of(answer):
    return [item for item in answer.output if item.type == "function_call"]


def seals_of(answer):
    return [item.encrypted_content for item in answer.output if item.type == "reasoning"]


def given_back(answer):
    """The items of an answer as the next request holds them, without what the SDK notes on its own side."""
    return [item.to_dict(mode="json", exclude_none=True) for item in answer.output]


def result(call, text):
    return {"type": "function_call_output", "call_id": call.call_id, "output": text}


def whole(p):
    answer = valid(
        create(
            model=p.model(),
            instructions="You guard a line.",
            input=f"echo: {p.text()}",
            max_output_tokens=300,
            temperature=1,
            user="user-1",
        )
    )
    same(answer.output_text, p.text(), "the text")
    same((answer.object, answer.status, answer.error), ("response", "completed", None), "object, status and error")
    positive(answer.usage.input_tokens, "input_tokens")
    positive(answer.usage.output_tokens, "output_tokens")
    same(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens, "total_tokens")
    cut = create(model=p.model("?output_tokens=400"), input=f"Tell me of towers: {p.text()}", max_output_tokens=20)
    same((cut.status, cut.incomplete_details.reason), ("incomplete", "max_output_tokens"), "why it ended")
    _, body = p.sent(p.text())[-1]
    assert body.get("store", False) is False, "the provider was asked to keep it"
    if p.dialect == "openai_responses":
        positive(client.responses.input_tokens.count(model=p.model(), input="How many?").input_tokens, "the count")


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        asked = {"model": p.model(), "input": text, "max_output_tokens": 400}
        answer = create(**asked)
        events = [valid(event) for event in create(**asked, stream=True)]
        same([event.sequence_number for event in events], list(range(len(events))), "the numbers")
        same((events[0].type, events[-1].type), ("response.created", "response.completed"), "the first and the last")
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert len(pieces) > 1, "it came in one piece"
        same("".join(pieces), answer.output_text, "the streamed text")
        same(events[-1].response.output_text, answer.output_text, "the text at the end")
        same(events[-1].response.usage.output_tokens, answer.usage.output_tokens, "output_tokens")
        with client.responses.stream(**asked) as stream:
            list(stream)
            same(stream.get_final_response().output_text, answer.output_text, "the text that the SDK gathered")


def tool_loop(p):
    def ask(items, streamed):
        asked = {"model": p.model(), "input": items, "tools": [WEATHER]}
        if not streamed:
            return create(**asked)
        with client.responses.stream(**asked) as stream:
            list(stream)
            return stream.get_final_response()

    for is_streamed in [False, True]:
        items = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
        answer = ask(items, is_streamed)
        (call,) = calls_of(answer)
        positive(answer.usage.output_tokens, "output_tokens")
        arguments = json.loads(call.arguments)
        same((call.name, arguments["city"]), ("get_weather", "Paris"), "the call")
        assert arguments["unit"] in ["celsius", "fahrenheit"], arguments
        said = [{key: value for key, value in item.items() if key != "parsed_arguments"} for item in given_back(answer)]
        final = ask(items + said + [result(call, RESULT)], is_streamed)
        holds(final.output_text, RESULT)
        same(final.status, "completed", "status")


def parallel_tools(p):
    items = [user(f"What is the weather in Paris and London? ({p.text()})")]
    asked = {"model": p.model(), "tools": [WEATHER]}
    answer = create(**asked, input=items, parallel_tool_calls=True)
    calls = calls_of(answer)
    cities = [json.loads(call.arguments)["city"] for call in calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call.call_id for call in calls}), 2, "the number of ids")
    results = [result(call, f"{city}: {RESULT}") for call, city in zip(calls, cities)]
    final = create(**asked, input=items + given_back(answer) + results)
    holds(final.output_text, f"Paris: {RESULT}; London: {RESULT}")
    raw = client.responses.with_raw_response.create(**asked, input=items, parallel_tool_calls=False)
    cells.forbids_parallel(p, len(calls_of(raw.parse())), raw.headers, "parallel_tool_calls")
    with client.responses.stream(**asked, input=items) as stream:
        list(stream)
        calls = calls_of(stream.get_final_response())
    same([json.loads(call.arguments)["city"] for call in calls], cities, "the streamed cities")


class City(pydantic.BaseModel):
    name: str
    inhabitants: int
    districts: list[str]
    capital: bool


def structured_output(p):
    asked = {"model": p.model(), "input": f"Describe Paris. {p.text()}"}
    parsed = client.responses.parse(**asked, text_format=City).output_parsed
    assert isinstance(parsed, City), parsed
    with client.responses.stream(**asked, text_format=City) as stream:
        list(stream)
        same(stream.get_final_response().output_parsed, parsed, "the streamed value")
    schema = {"type": "json_schema", "name": "city", "schema": cells.CITY, "strict": True}
    is_city(json.loads(create(**asked, text={"format": schema}).output_text))


def image(p):
    content = [
        {"type": "input_text", "text": f"echo: {p.text()}"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{cells.PNG}", "detail": "auto"},
        {"type": "input_image", "image_url": cells.PICTURE_URL, "detail": "auto"},
    ]
    same(create(model=p.model(), input=[user(content)]).output_text, p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)
    cells.picture_arrived(p, json.dumps(body))


def document(p):
    content = [
        {"type": "input_text", "text": f"echo: {p.text()}"},
        {"type": "input_file", "filename": "timetable.pdf", "file_data": f"data:application/pdf;base64,{cells.PDF}"},
    ]
    holds(create(model=p.model(), input=[user(content)]).output_text, p.text())
    ((_, body),) = p.sent(p.text())
    cells.pdf_arrived(p, body)


def reasoning_with_tools(p):
    asked = {
        "model": p.model(),
        "tools": [WEATHER],
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }
    items = [user(f"What is the weather in Paris? ({p.text()})")]
    answer = valid(create(**asked, input=items))
    thought = answer.output[0]
    same(thought.type, "reasoning", "the first item")
    text = "".join(part.text for part in thought.summary)
    assert text, "there is no reasoning"
    events = [valid(event) for event in create(**asked, input=items, stream=True)]
    pieces = [event.delta for event in events if event.type == "response.reasoning_summary_text.delta"]
    same("".join(pieces), text, "the streamed reasoning")
    seals = seals_of(answer)
    same(seals_of(events[-1].response), seals, "the streamed seals")
    (call,) = calls_of(answer)
    final = create(**asked, input=items + given_back(answer) + [result(call, RESULT)])
    holds(final.output_text, RESULT)
    assert any(item.type == "reasoning" for item in final.output), "there is no reasoning in the second turn"
    # Reasoning of an earlier turn reaches the provider that thought it, with its seal where the provider has one.
    same(any(seals), p.dialect not in cells.UNSEALED, "whether it is sealed")
    _, body = p.sent(p.text())[-1]
    cells.taken_up(p, body, text)


def error(p):
    def ask(directives="", **more):
        return create(**{"model": p.model(directives), "input": p.text(), **more})

    limited = raises(openai.RateLimitError, lambda: ask("?fault=rate_limited:retry_after=2"))
    same(limited.response.headers.get("retry-after"), "2", "retry-after")
    missing = raises(openai.NotFoundError, lambda: ask(model="nowhere/sim-1"))
    holds(str(missing), "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        raises(openai.BadRequestError, lambda: ask(input=[]))
    stale = raises(openai.BadRequestError, lambda: ask(previous_response_id="resp_1"))
    same((stale.code, stale.param), ("state_elsewhere", "previous_response_id"), "code and param")
    raises(openai.BadRequestError, lambda: ask("?fault=bad_request"))
    raises(openai.InternalServerError, lambda: ask("?fault=overloaded"))
    raises(openai.InternalServerError, lambda: ask("?fault=server_error"))
    raises(openai.AuthenticationError, lambda: client.with_options(api_key="wrong").models.list())
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(openai.APIError, lambda: list(ask(f"?fault={fault}", stream=True)))


def cancel(p):
    model = p.model("?tokens_per_second=10&output_tokens=400")
    stream = create(model=model, input=p.text(), stream=True)
    for seen, _ in enumerate(stream):
        if seen == 6:
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
    cells.run("openai (Python)", "openai_responses", openai.__version__, scenarios)
