"""AWS's Python SDK speaking Converse to Bedrock, through the gateway: signed over plain HTTP, and with a key over TLS."""

import base64
import json
import os

import boto3
import botocore.exceptions
import cells
from botocore.config import Config
from cells import holds, is_city, positive, raises, same

RESULT = "21 degrees and a light breeze"
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "inputSchema": {"json": cells.WEATHER},
}
TOOLS = {"tools": [{"toolSpec": WEATHER}]}


def connect(**more):
    config = Config(retries={"total_max_attempts": 1}, read_timeout=30)
    return boto3.client("bedrock-runtime", region_name="eu-central-1", config=config, **more)


def signed(key=cells.KEY):
    # The id of a key is its name at the gateway.
    return connect(endpoint_url=cells.URL, aws_access_key_id="sdk", aws_secret_access_key=key)


def with_key(key=cells.KEY):
    # It is sent over TLS only. The authority of the certificate is that of AWS_CA_BUNDLE.
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = key
    return connect(endpoint_url=cells.HTTPS_URL)


connection = signed
client = connection()


def create(p, messages, directives="", **more):
    return client.converse(modelId=p.model(directives), messages=messages, **more)


def stream(p, messages, directives="", **more):
    return client.converse_stream(modelId=p.model(directives), messages=messages, **more)["stream"]


def user(*blocks):
    return {"role": "user", "content": [{"text": one} if isinstance(one, str) else one for one in blocks]}


def message_of(answer):
    message = answer["output"]["message"]
    same(message["role"], "assistant", "the role")
    return message


def text_of(message):
    return "".join(block.get("text", "") for block in message["content"])


def calls_of(message):
    return [block["toolUse"] for block in message["content"] if "toolUse" in block]


def thought_of(message):
    found = (block["reasoningContent"] for block in message["content"] if "reasoningContent" in block)
    return "".join(thought["reasoningText"]["text"] for thought in found if "reasoningText" in thought)


def result(call, text):
    return {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": text}], "status": "success"}}


def gathered(events):
    """The answer that a stream comes to, in the shape of a whole one, and its pieces."""
    blocks, pieces, answer, names = {}, [], {}, []
    for event in events:
        ((name, said),) = event.items()
        names.append(name)
        if name == "messageStart":
            answer["output"] = {"message": {"role": said["role"]}}
        elif name == "contentBlockStart":
            blocks[said["contentBlockIndex"]] = {"toolUse": {**said["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            ((kind, delta),) = said["delta"].items()
            block = blocks.setdefault(said["contentBlockIndex"], {})
            if kind == "text":
                block["text"] = block.get("text", "") + delta
                pieces.append(delta)
            elif kind == "toolUse":
                block["toolUse"]["input"] += delta["input"]
            else:
                ((field, part),) = delta.items()
                thought = block.setdefault("reasoningContent", {})
                if field != "redactedContent":
                    thought = thought.setdefault("reasoningText", {})
                thought[field] = thought.get(field, type(part)()) + part
        elif name == "messageStop":
            answer["stopReason"] = said["stopReason"]
        elif name == "metadata":
            answer.update(said)
    same((names[0], names[-2:]), ("messageStart", ["messageStop", "metadata"]), "the events")
    same(names.count("contentBlockStop"), len(blocks), "the number of blocks that ended")
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    answer["output"]["message"]["content"] = [blocks[place] for place in sorted(blocks)]
    return answer, pieces


def whole(p):
    answer = create(
        p,
        [user(f"echo: {p.text()}")],
        system=[{"text": "You guard a line."}],
        inferenceConfig={"maxTokens": 300, "temperature": 1, "stopSequences": ["ZZZ"]},
        requestMetadata={"team": "signals"},
    )
    same(text_of(message_of(answer)), p.text(), "the text")
    same(answer["stopReason"], "end_turn", "stopReason")
    usage = answer["usage"]
    positive(usage["inputTokens"], "inputTokens")
    positive(usage["outputTokens"], "outputTokens")
    same(usage["totalTokens"], usage["inputTokens"] + usage["outputTokens"], "totalTokens")
    assert isinstance(answer["metrics"]["latencyMs"], int), answer["metrics"]
    asked = {"converse": {"messages": [user(f"echo: {p.text()}")]}}
    positive(client.count_tokens(modelId=p.model(), input=asked)["inputTokens"], "the count of tokens")


def streamed(p):
    for text in [f"echo: {p.text()}", f"Tell me of towers: {p.text()}"]:
        asked = {"inferenceConfig": {"maxTokens": 400}}
        answer = create(p, [user(text)], **asked)
        again, pieces = gathered(stream(p, [user(text)], **asked))
        assert len(pieces) > 1, "it came in one piece"
        same(message_of(again), message_of(answer), "the streamed message")
        same(again["stopReason"], answer["stopReason"], "stopReason")
        same(again["usage"]["outputTokens"], answer["usage"]["outputTokens"], "outputTokens")
        positive(again["usage"]["inputTokens"], "inputTokens")


def tool_loop(p):
    for is_streamed in [False, True]:

        def ask(messages):
            if is_streamed:
                return gathered(stream(p, messages, toolConfig=TOOLS))[0]
            return create(p, messages, toolConfig=TOOLS)

        messages = [user(f"What is the weather in Paris? ({p.text()} {is_streamed})")]
        answer = ask(messages)
        same(answer["stopReason"], "tool_use", "stopReason")
        positive(answer["usage"]["outputTokens"], "outputTokens")
        (call,) = calls_of(message_of(answer))
        same((call["name"], call["input"]["city"]), ("get_weather", "Paris"), "the call")
        assert call["input"]["unit"] in ["celsius", "fahrenheit"], call["input"]
        final = ask([*messages, message_of(answer), user(result(call, RESULT))])
        holds(text_of(message_of(final)), RESULT)
        same(final["stopReason"], "end_turn", "stopReason")


def parallel_tools(p):
    messages = [user(f"What is the weather in Paris and London? ({p.text()})")]
    message = message_of(create(p, messages, toolConfig=TOOLS))
    calls = calls_of(message)
    cities = [call["input"]["city"] for call in calls]
    same(cities, ["Paris", "London"], "the cities")
    same(len({call["toolUseId"] for call in calls}), 2, "the number of ids")
    results = [result(call, f"{call['input']['city']}: {RESULT}") for call in calls]
    final = create(p, [*messages, message, user(*results)], toolConfig=TOOLS)
    for city in cities:
        holds(text_of(message_of(final)), f"{city}: {RESULT}")
    answer, _ = gathered(stream(p, messages, toolConfig=TOOLS))
    same([call["input"]["city"] for call in calls_of(message_of(answer))], cities, "the streamed cities")


def structured_output(p):
    schema = {"name": "city", "description": "A city", "schema": json.dumps(cells.CITY)}
    wanted = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
    messages = [user(f"Describe Paris. {p.text()}")]
    city = json.loads(text_of(message_of(create(p, messages, outputConfig=wanted))))
    is_city(city)
    answer, _ = gathered(stream(p, messages, outputConfig=wanted))
    same(json.loads(text_of(message_of(answer))), city, "the streamed value")


def image(p):
    picture = {"image": {"format": "png", "source": {"bytes": base64.b64decode(cells.PNG)}}}
    stored = {"image": {"format": "png", "source": {"s3Location": {"uri": cells.PICTURE_S3}}}}
    answer = create(p, [user(f"echo: {p.text()}", picture, stored)])
    same(text_of(message_of(answer)), p.text(), "the text")
    ((_, body),) = p.sent(p.text())
    holds(json.dumps(body), cells.PNG)
    if p.dialect == "bedrock_converse":
        holds(json.dumps(body), cells.PICTURE_S3)
    else:
        told = answer["ResponseMetadata"]["HTTPHeaders"].get(cells.NOTICES)
        p.lost(told, "messages[0].content[2]", cells.S3_IS_OF_BEDROCK)


def document(p):
    paper = {"format": "pdf", "name": "Timetable", "source": {"bytes": base64.b64decode(cells.PDF)}}
    note = {"format": "txt", "name": "Note", "source": {"text": cells.PLAIN}}
    answer = create(p, [user(f"echo: {p.text()}", {"document": paper}, {"document": note})])
    holds(text_of(message_of(answer)), p.text())
    ((_, body),) = p.sent(p.text())
    cells.document_arrived(p, body)


def reasoning_with_tools(p):
    think_then_call(p, {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}}})
    think_then_call(p, {"outputConfig": {"effort": "high"}})


def think_then_call(p, thinking):
    asked = {"toolConfig": TOOLS, "inferenceConfig": {"maxTokens": 4000}, **thinking}
    messages = [user(f"What is the weather in Paris? ({p.text()})")]
    message = message_of(create(p, messages, **asked))
    thought = thought_of(message)
    assert thought, "there is no reasoning"
    again, _ = gathered(stream(p, messages, **asked))
    same(thought_of(message_of(again)), thought, "the streamed reasoning")
    (call,) = calls_of(message)
    final = message_of(create(p, [*messages, message, user(result(call, RESULT))], **asked))
    holds(text_of(final), RESULT)
    assert thought_of(final), "there is no reasoning in the second turn"
    _, body = p.sent(p.text())[-1]
    cells.taken_up(p, body, thought)


def error(p):
    known = client.exceptions
    limited = raises(known.ThrottlingException, lambda: create(p, [user(p.text())], "?fault=rate_limited:retry_after=2"))
    same(limited.response["ResponseMetadata"]["HTTPHeaders"].get("retry-after"), "2", "retry-after")
    nowhere = {"modelId": "nowhere/sim-1", "messages": [user("hello")]}
    missing = raises(known.ResourceNotFoundException, lambda: client.converse(**nowhere))
    holds(str(missing), "nowhere/sim-1")
    if p.dialect not in cells.TAKES_SILENCE:
        raises(known.ValidationException, lambda: create(p, []))
    raises(known.ValidationException, lambda: create(p, [user(p.text())], "?fault=bad_request"))
    raises(known.ServiceUnavailableException, lambda: create(p, [user(p.text())], "?fault=overloaded"))
    raises(botocore.exceptions.ClientError, lambda: create(p, [user(p.text())], "?fault=server_error"))
    stranger = connection("wrong")
    wrong = raises(known.ClientError, lambda: stranger.converse(modelId=p.model(), messages=[user("hello")]))
    same(wrong.response["Error"]["Code"], "UnrecognizedClientException", "the code of a wrong key")
    for fault in ["stream_error:after=4", "cut:after=4", "clean_cut:after=4"]:
        raises(botocore.exceptions.EventStreamError, lambda: list(stream(p, [user(p.text())], f"?fault={fault}")))


def cancel(p):
    answer = stream(p, [user(p.text())], "?tokens_per_second=10&output_tokens=400")
    for seen, _ in enumerate(answer):
        if seen == 3:
            break
    answer.close()
    ((number, _),) = p.sent(p.text())
    cells.ended_early(number)


def embeddings(p):
    body = json.dumps({"inputText": p.text()})
    refused = raises(client.exceptions.ValidationException, lambda: client.invoke_model(modelId=p.model(), body=body))
    if p.dialect == "bedrock_converse":
        p.refused(refused, "anthropic_version", cells.NO_VECTORS_OF_SIM)
    p.refused(refused, "no invoke; these providers have: converse", cells.NO_VECTORS_OF_BEDROCK)


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
    for name, connection in [("boto3 (signed)", signed), ("boto3 (key over TLS)", with_key)]:
        client = connection()
        cells.run(name, "bedrock_converse", boto3.__version__, scenarios)
