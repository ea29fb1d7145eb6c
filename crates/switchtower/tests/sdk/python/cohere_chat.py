"""The official Python SDK of Cohere, through the gateway."""

import json
import warnings

import cells
import cohere
from cells import holds, is_city, positive, raises, same
from cohere.core.api_error import ApiError

warnings.filterwarnings("ignore", category=UserWarning)

RESULT = "21 degrees and a light breeze"
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather of a city", "parameters": cells.WEATHER},
}


def connect(key=cells.KEY, base_url=cells.URL):
    return cohere.ClientV2(api_key=key, base_url=base_url, max_retries=0, timeout=30)


client = connect()


def user(*parts):
    return {"role": "user", "content": parts[0] if len(parts) == 1 else list(parts)}


def create(p, messages, directives="", **more):
    return client.chat(model=p.model(directives), messages=messages, **more)


def stream(p, messages, directives="", **more):
    return client.chat_stream(model=p.model(directives), messages=messages, **more)


def text_of(message):
    return "".join(part.text for part in message.content or [] if part.type == "text")


def thought_of(message):
    """Thoughts before words, and the plan before calls."""
    parts = "".join(part.thinking for part in message.content or [] if part.type == "thinking")
    return parts or message.tool_plan or ""


def said(message):
    return {"role": "assistant", **message.model_dump(exclude_none=True)}


def result(call, text):
    return {"role": "tool", "tool_call_id": call.id, "content": text}


class Gathered:
    """What the events of a stream come to."""

    def __init__(self, events):
        self.pieces, self.thought, self.calls, kinds = [], "", [], []
        for event in events:
            kinds.append(event.type)
            if event.type == "content-delta":
                content = event.delta.message.content
                self.pieces += [content.text] if content.text else []
                self.thought += content.thinking or ""
            elif event.type == "tool-plan-delta":
                self.thought += event.delta.message.tool_plan
            elif event.type == "tool-call-start":
                self.calls.append(event.delta.message.tool_calls.model_copy(deep=True))
            elif event.type == "tool-call-delta":
                function = self.calls[-1].function
                function.arguments = (function.arguments or "") + event.delta.message.tool_calls.function.arguments
            elif event.type == "message-end":
                self.end = event.delta
        same((kinds[0], kinds[-1]), ("message-start", "message-end"), "the events")
        for what in ["content", "tool-call"]:
            same(kinds.count(f"{what}-start"), kinds.count(f"{what}-end"), f"the ends of {what}")
        self.text = "".join(self.pieces)


def whole(p):
    answer = create(
        p,
        [{"role": "system", "content": "You guard a line."}, user(f"echo: {p.text()}")],
        max_tokens=300,
        temperature=1,
        stop_sequences=["ZZZ"],
    )
    same(text_of(answer.message), p.text(), "the text")
    same((answer.finish_reason, answer.message.role), ("COMPLETE", "assistant"), "finish_reason and role")
    positive(int(answer.usage.tokens.input_tokens), "input_tokens")
    positive(int(answer.usage.tokens.output_tokens), "output_tokens")
    # Its models stand where those of another dialect do, but for this address.
    assert [known.name for known in connect(base_url=f"{cells.URL}/cohere").models.list().models], "no model is listed"


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        answer = create(p, [user(text)], max_tokens=400)
        again = Gathered(stream(p, [user(text)], max_tokens=400))
        assert len(again.pieces) > 1, "it came in one piece"
        same(again.text, text_of(answer.message), "the streamed text")
        same(again.end.finish_reason, answer.finish_reason, "finish_reason")
        same(again.end.usage.tokens.output_tokens, answer.usage.tokens.output_tokens, "output_tokens")
        positive(int(again.end.usage.tokens.input_tokens), "input_tokens")


def tool_loop(p):
    for is_streamed in [False, True]:
        messages = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
        if is_streamed:
            again = Gathered(stream(p, messages, tools=[WEATHER]))
            calls, reason = again.calls, again.end.finish_reason
        else:
            answer = create(p, messages, tools=[WEATHER])
            calls, reason = answer.message.tool_calls, answer.finish_reason
        same(reason, "TOOL_CALL", "finish_reason")
        (call,) = calls
        arguments = json.loads(call.function.arguments)
        same((call.function.name, arguments["city"]), ("get_weather", "Paris"), "the call")
        assert arguments["unit"] in ["celsius", "fahrenheit"], arguments
        messages += [{"role": "assistant", "tool_calls": [call.model_dump()]}, result(call, RESULT)]
        if is_streamed:
            holds(Gathered(stream(p, messages, tools=[WEATHER])).text, RESULT)
        else:
            holds(text_of(create(p, messages, tools=[WEATHER]).message), RESULT)


def parallel_tools(p):
    messages = [user(f"What is the weather in Paris and London? ({p.text()})")]
    message = create(p, messages, tools=[WEATHER]).message
    cities = [json.loads(call.function.arguments)["city"] for call in message.tool_calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call.id for call in message.tool_calls}), 2, "the number of ids")
    results = [result(call, f"{city}: {RESULT}") for call, city in zip(message.tool_calls, cities)]
    final = create(p, [*messages, said(message), *results], tools=[WEATHER]).message
    for city in cities:
        holds(text_of(final), f"{city}: {RESULT}")
    again = Gathered(stream(p, messages, tools=[WEATHER]))
    same([json.loads(call.function.arguments)["city"] for call in again.calls], cities, "the streamed cities")


def structured_output(p):
    asked = {"response_format": {"type": "json_object", "json_schema": cells.CITY}}
    messages = [user(f"Describe Paris. {p.text()}")]
    city = json.loads(text_of(create(p, messages, **asked).message))
    is_city(city)
    same(json.loads(Gathered(stream(p, messages, **asked)).text), city, "the streamed value")


def image(p):
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in [cells.PICTURE_DATA, cells.PICTURE_URL]]
    answer = create(p, [user({"type": "text", "text": f"echo: {p.text()}"}, *pictures)])
    same(text_of(answer.message), p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)
    cells.picture_arrived(p, json.dumps(body))


def document(p):
    documents = [{"id": "note", "data": {"title": "Note", "text": cells.PLAIN}}]
    asked = {"model": p.model(), "messages": [user(f"echo: {p.text()}")], "documents": documents}
    raw = client.with_raw_response.chat(**asked)
    holds(text_of(raw.data.message), p.text())
    ((_, body),) = p.sent(p.text())
    if p.dialect == "cohere_chat":
        return holds(json.dumps(body), cells.PLAIN)
    holds(raw.headers.get(cells.NOTICES), "documents;meaning")
    # Who wants no answer without them says so.
    strictly = {"additional_headers": {"x-switchtower-strict": "true"}}
    refused = raises(cohere.BadRequestError, lambda: client.chat(**asked, request_options=strictly))
    p.refused(refused, "documents", "documents beside the conversation are Cohere's own: named as lost, and refused where that is asked for")


def reasoning_with_tools(p):
    asked = {"tools": [WEATHER], "thinking": {"type": "enabled", "token_budget": 2000}, "max_tokens": 4000}
    messages = [user(f"What is the weather in Paris? ({p.text()})")]
    message = create(p, messages, **asked).message
    thought = thought_of(message)
    assert thought, "there is no reasoning"
    same(Gathered(stream(p, messages, **asked)).thought, thought, "the streamed reasoning")
    (call,) = message.tool_calls
    messages += [said(message), result(call, RESULT)]
    raw = client.with_raw_response.chat(model=p.model(), messages=messages, **asked)
    holds(text_of(raw.data.message), RESULT)
    cells.thinks_again(p, thought_of(raw.data.message))
    _, body = p.sent(p.text())[-1]
    cells.taken_up_plain(p, body, thought, raw.headers.get(cells.NOTICES), "messages[1].content[0];meaning")


def error(p):
    def ask(directives="", messages=None):
        return create(p, [user(p.text())] if messages is None else messages, directives)

    limited = raises(cohere.TooManyRequestsError, lambda: ask("?fault=rate_limited:retry_after=2"))
    same(limited.headers.get("retry-after"), "2", "retry-after")
    missing = raises(cohere.NotFoundError, lambda: client.chat(model="nowhere/sim-1", messages=[user("hello")]))
    holds(str(missing), "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        raises(cohere.BadRequestError, lambda: ask(messages=[]))
    raises(cohere.BadRequestError, lambda: ask("?fault=bad_request"))
    raises(cohere.ServiceUnavailableError, lambda: ask("?fault=overloaded"))
    raises(ApiError, lambda: ask("?fault=server_error"))
    raises(cohere.UnauthorizedError, lambda: connect("wrong").chat(model=p.model(), messages=[user("hello")]))
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        # In a stream this vendor has no other word for it than a reason to finish.
        *_, last = stream(p, [user(p.text())], f"?fault={fault}")
        same((last.type, last.delta.finish_reason), ("message-end", "ERROR"), "the end")
        assert last.delta.error, "the error has no words"


def cancel(p):
    answer = stream(p, [user(p.text())], "?tokens_per_second=10&output_tokens=400")
    for seen, _ in enumerate(answer):
        if seen == 4:
            break
    answer.close()
    ((number, _),) = p.sent(p.text())
    cells.ended_early(number)


def embeddings(p):
    asked = {"model": p.model().replace("sim-1", "sim-embed"), "input_type": "search_document"}
    texts = [p.text(), "a second text", "a third"]
    if p.dialect not in cells.EMBEDS:
        refused = raises(ApiError, lambda: client.embed(texts=texts, **asked, embedding_types=["float"]))
        p.refused(refused, "no embeddings", cells.NO_VECTORS)
    answer = client.embed(texts=texts, **asked, embedding_types=["float"])
    same(len(answer.embeddings.float_), 3, "the number of vectors")
    if p.dialect == "google_gemini":
        p.partly(cells.UNCOUNTED_VECTORS)
    else:
        positive(int(answer.meta.billed_units.input_tokens), "input_tokens")
    coded = client.embed(texts=texts, **asked, embedding_types=["base64"])
    cells.is_vector(coded.embeddings.base64[1], answer.embeddings.float_[1])
    short = client.embed(texts=texts[:1], **asked, embedding_types=["float"], output_dimension=256)
    same(len(short.embeddings.float_[0]), 256, "the dimensions that were asked for")


def rerank(p):
    documents = ["a river", "the signal box of the main line", "a loaf"]
    asked = {"model": p.model().replace("sim-1", "sim-rerank"), "query": "signal line", "documents": documents}
    if p.dialect not in cells.RERANKS:
        p.refused(raises(ApiError, lambda: client.rerank(**asked)), "no rerank", cells.NO_RANKINGS)
    answer = client.rerank(**asked, top_n=2)
    same(len(answer.results), 2, "the number of results")
    same(answer.results[0].index, 1, "the best of them")
    assert answer.results[0].relevance_score >= answer.results[1].relevance_score, answer.results


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
        rerank,
    ]
    cells.run("cohere", "cohere_chat", cohere.__version__, scenarios)
