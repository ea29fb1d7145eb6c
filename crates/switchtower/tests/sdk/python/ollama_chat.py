"""The official Python SDK of Ollama, through the gateway."""

import importlib.metadata
import json

import cells
import ollama
from cells import holds, is_city, positive, raises, same

RESULT = "21 degrees and a light breeze"
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather of a city", "parameters": cells.WEATHER},
}


# The SDK keeps the headers of answers to itself.
notices = []


def connect(key=cells.KEY):
    hooks = {"response": [lambda answer: notices.append(answer.headers.get(cells.NOTICES))]}
    headers = {"Authorization": f"Bearer {key}"}
    return ollama.Client(host=cells.URL, headers=headers, timeout=30, event_hooks=hooks)


client = connect()


def create(p, messages, directives="", **more):
    return client.chat(model=p.model(directives), messages=messages, **more)


def stream(p, messages, directives="", **more):
    return client.chat(model=p.model(directives), messages=messages, stream=True, **more)


def user(text, **more):
    return {"role": "user", "content": text, **more}


def result(call, text):
    return {"role": "tool", "tool_name": call.function.name, "content": text}


def gathered(pieces):
    """The message that a stream comes to, the texts of its pieces, and the last piece, which says why it ended."""
    pieces = list(pieces)
    same([piece.done for piece in pieces], [False] * (len(pieces) - 1) + [True], "what is done")
    messages = [piece.message for piece in pieces]
    texts = [message.content for message in messages if message.content]
    whole = ollama.Message(
        role="assistant",
        content="".join(texts),
        thinking="".join(message.thinking or "" for message in messages),
        tool_calls=[call for message in messages for call in message.tool_calls or []],
    )
    return whole, texts, pieces[-1]


def whole(p):
    answer = create(
        p,
        [{"role": "system", "content": "You guard a line."}, user(f"echo: {p.text()}")],
        options={"num_predict": 300, "temperature": 1, "stop": ["ZZZ"]},
    )
    same(answer.message.content, p.text(), "the text")
    same((answer.message.role, answer.done, answer.done_reason), ("assistant", True, "stop"), "the end")
    positive(answer.prompt_eval_count, "prompt_eval_count")
    positive(answer.eval_count, "eval_count")
    assert answer.created_at, "there is no created_at"
    assert [known.model for known in client.list().models], "no model is listed"


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        asked = {"options": {"num_predict": 400}}
        answer = create(p, [user(text)], **asked)
        message, texts, last = gathered(stream(p, [user(text)], **asked))
        assert len(texts) > 1, "it came in one piece"
        same(message.content, answer.message.content, "the streamed text")
        same(last.done_reason, answer.done_reason, "done_reason")
        same(last.eval_count, answer.eval_count, "eval_count")
        positive(last.prompt_eval_count, "prompt_eval_count")


def tool_loop(p):
    for is_streamed in [False, True]:

        def ask(messages):
            if is_streamed:
                return gathered(stream(p, messages, tools=[WEATHER]))[0]
            return create(p, messages, tools=[WEATHER]).message

        messages = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
        message = ask(messages)
        (call,) = message.tool_calls
        same((call.function.name, call.function.arguments["city"]), ("get_weather", "Paris"), "the call")
        assert call.function.arguments["unit"] in ["celsius", "fahrenheit"], call
        holds(ask([*messages, message, result(call, RESULT)]).content, RESULT)


def parallel_tools(p):
    messages = [user(f"What is the weather in Paris and London? ({p.text()})")]
    message = create(p, messages, tools=[WEATHER]).message
    cities = [call.function.arguments["city"] for call in message.tool_calls]
    same(cities, ["Paris", "London"], "the cities")
    # Calls have no ids here: results are those of the calls in their order.
    results = [result(call, f"{city}: {RESULT}") for call, city in zip(message.tool_calls, cities)]
    final = create(p, [*messages, message, *results], tools=[WEATHER]).message
    for city in cities:
        holds(final.content, f"{city}: {RESULT}")
    again, _, _ = gathered(stream(p, messages, tools=[WEATHER]))
    same([call.function.arguments["city"] for call in again.tool_calls], cities, "the streamed cities")


def structured_output(p):
    messages = [user(f"Describe Paris. {p.text()}")]
    city = json.loads(create(p, messages, format=cells.CITY).message.content)
    is_city(city)
    again, _, _ = gathered(stream(p, messages, format=cells.CITY))
    same(json.loads(again.content), city, "the streamed value")


def image(p):
    answer = create(p, [user(f"echo: {p.text()}", images=[cells.PNG])])
    same(answer.message.content, p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)


def reasoning_with_tools(p):
    for think in [True, "high"]:
        asked = {"tools": [WEATHER], "think": think}
        messages = [user(f"What is the weather in Paris? ({p.text()})")]
        message = create(p, messages, **asked).message
        assert message.thinking, "there is no reasoning"
        again, _, _ = gathered(stream(p, messages, **asked))
        same(again.thinking, message.thinking, "the streamed reasoning")
        (call,) = message.tool_calls
        final = create(p, [*messages, message, result(call, RESULT)], **asked).message
        holds(final.content, RESULT)
        cells.thinks_again(p, final.thinking)
        _, body = p.sent(p.text())[-1]
        cells.taken_up_plain(p, body, message.thinking, notices[-1], "messages[1].thinking;meaning")


def error(p):
    def fails(status, call):
        failed = raises(ollama.ResponseError, call)
        assert failed.status_code in status, f"{failed.status_code}: {failed.error}"
        assert isinstance(failed.error, str) and failed.error, "the error has no words"
        return failed

    def ask(directives="", messages=None):
        return create(p, [user(p.text())] if messages is None else messages, directives)

    fails([429], lambda: ask("?fault=rate_limited:retry_after=2"))
    missing = fails([404], lambda: client.chat(model="nowhere/sim-1", messages=[user("hello")]))
    holds(missing.error, "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        fails([400], lambda: ask(messages=[]))
    fails([400], lambda: ask("?fault=bad_request"))
    fails([503], lambda: ask("?fault=overloaded"))
    fails([500, 502], lambda: ask("?fault=server_error"))
    fails([401], lambda: connect("wrong").list())
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(ollama.ResponseError, lambda: list(stream(p, [user(p.text())], f"?fault={fault}")))


def cancel(p):
    answer = stream(p, [user(p.text())], "?tokens_per_second=10&output_tokens=400")
    for seen, _ in enumerate(answer):
        if seen == 3:
            break
    answer.close()
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
        reasoning_with_tools,
        error,
        cancel,
    ]
    cells.run("ollama", "ollama_chat", importlib.metadata.version("ollama"), scenarios)
