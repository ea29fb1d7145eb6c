"""Reads every request that reached a provider with the request models of the official SDKs, unknown fields forbidden.

A violation names the capture, the field and what is wrong with it, never the content.
"""

import collections.abc
import importlib
import json
import os
import pathlib
import pkgutil
import sys
import typing

import anthropic.types
import botocore.session
import botocore.validate
import cohere.types as cohere
import ollama._types as ollama
import openai.types
import pydantic
import typing_extensions
from anthropic.types import message_create_params as messages
from anthropic.types import message_count_tokens_params as counting
from google.genai import types as google
from openai.types import embedding_create_params as embeddings
from openai.types.chat import completion_create_params as completions
from openai.types.responses import response_create_params as responses
from openai.types.responses import input_token_count_params as input_tokens

# What a provider may be sent although the SDK's model has no such field, and why.
EXTENSIONS = {
    "openai_chat": {
        "messages.*.reasoning_content": "the provider is configured with the quirk `reasoning_field`",
        "messages.*.name": "a client of Mistral's names the tool beside its result, and it is forwarded, as the vendor takes it",
        "messages.*.annotations": "a client of the same dialect sends back the message that it got, and it is forwarded",
    },
    "openai_responses": {},
    "embeddings": {},
    "rerank": {},
    "fim": {},
    "google_gemini": {},
    "bedrock_converse": {},
    "cohere_chat": {},
    "cohere_embed": {},
    "cohere_rerank": {},
    "ollama_embed": {},
    "titan_embed": {},
    # The SDK knows fewer fields than the server, whose types are those of its own source.
    "ollama_chat": {
        "messages.*.tool_calls.*.id": "the server tells it, and takes it back",
        "messages.*.tool_calls.*.type": "a client of the same dialect sends it, and it is forwarded",
        "messages.*.tool_calls.*.function.index": "the server tells it, and takes it back",
        "messages.*.tool_call_id": "the server takes it for the id that it told",
    },
    "anthropic_messages": {},
    # The SDK's model is that of version 2026-10-21, which took the sampling parameters away.
    "anthropic_messages 2023-06-01": {
        "temperature": "version 2023-06-01 has it",
        "top_p": "version 2023-06-01 has it",
        "top_k": "version 2023-06-01 has it",
    },
}


def lists(hint):
    """A type with every iterable in it as a list, which is checked at once and not when somebody iterates."""
    origin, arguments = typing_extensions.get_origin(hint), typing_extensions.get_args(hint)
    if not arguments:
        return hint
    if origin is typing_extensions.Literal:
        return hint
    if origin is typing_extensions.Annotated:
        return typing_extensions.Annotated[(lists(arguments[0]), *arguments[1:])]
    inner = tuple(lists(argument) for argument in arguments)
    if origin in (typing_extensions.Required, typing_extensions.NotRequired):
        return origin[inner[0]]
    if origin is collections.abc.Iterable or getattr(origin, "__name__", "") in ("SequenceNotStr", "Sequence"):
        return list[inner[0]]
    if origin is typing.Union:
        kept = tuple(lists(one) for one in arguments if not is_convenience(one))
        return typing.Union[kept or inner]
    return origin[inner] if origin in (dict, list, collections.abc.Mapping) else hint


def is_convenience(hint):
    """What callers of the SDK may give in place of what is sent: open files, and parts of answers."""
    origin, arguments = typing_extensions.get_origin(hint), typing_extensions.get_args(hint)
    if origin is typing_extensions.Annotated:
        return is_convenience(arguments[0])
    if origin is typing.Union:
        return all(is_convenience(one) for one in arguments)
    is_answer = isinstance(hint, type) and issubclass(hint, pydantic.BaseModel)
    return is_answer or (origin or hint) in (typing.IO, os.PathLike)


def forbid_unknown_fields(package):
    """Rewrites every typed dictionary of an SDK so that pydantic checks all of it and takes nothing else."""
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    dictionaries = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(package.__name__):
            found = (one for one in vars(module).values() if typing_extensions.is_typeddict(one))
            dictionaries.update({id(one): one for one in found})
    hints = {}
    for dictionary in dictionaries.values():
        try:
            hints[id(dictionary)] = typing_extensions.get_type_hints(dictionary, include_extras=True)
        except NameError:
            continue
    for key, dictionary in dictionaries.items():
        dictionary.__pydantic_config__ = {"extra": "forbid"}
        if key in hints:
            dictionary.__annotations__ = {name: lists(hint) for name, hint in hints[key].items()}


def without_extensions(value, paths):
    """The value without fields that are taken although the model has no word for them."""
    for path in paths:
        head, _, rest = path.partition(".")
        if not rest:
            if isinstance(value, dict):
                value.pop(head, None)
        elif head == "*":
            for item in value if isinstance(value, list) else []:
                without_extensions(item, [rest])
        elif isinstance(value, dict) and head in value:
            without_extensions(value[head], [rest])
    return value


class GenerateContent(pydantic.BaseModel):
    """A request of Gemini: the SDK puts it together of these models and has none for the whole."""

    model_config = pydantic.ConfigDict(extra="forbid", alias_generator=pydantic.alias_generators.to_camel)

    contents: list[google.Content]
    system_instruction: typing.Optional[google.Content] = None
    tools: typing.Optional[list[google.Tool]] = None
    tool_config: typing.Optional[google.ToolConfig] = None
    safety_settings: typing.Optional[list[google.SafetySetting]] = None
    generation_config: typing.Optional[google.GenerationConfig] = None
    cached_content: typing.Optional[str] = None
    labels: typing.Optional[dict[str, str]] = None


class CountedContent(GenerateContent):
    """The same where its tokens are counted; there it names the model."""

    model: str


class CountTokens(pydantic.BaseModel):
    """A request to count the tokens of contents, or of a whole request."""

    model_config = GenerateContent.model_config

    contents: typing.Optional[list[google.Content]] = None
    generate_content_request: typing.Optional[CountedContent] = None


class EmbedContent(pydantic.BaseModel):
    """A text to embed: https://ai.google.dev/api/embeddings."""

    model_config = GenerateContent.model_config

    model: typing.Optional[str] = None
    content: google.Content
    task_type: typing.Optional[str] = None
    title: typing.Optional[str] = None
    output_dimensionality: typing.Optional[int] = None


class EmbedOneOfMany(EmbedContent):
    """The same among others, where the model has to be named again."""

    model: str


class BatchEmbedContents(pydantic.BaseModel):
    """Texts to embed."""

    model_config = GenerateContent.model_config

    requests: list[EmbedOneOfMany]


class TitanEmbed(pydantic.BaseModel):
    """A text to embed by Titan within Bedrock's InvokeModel:
    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html."""

    model_config = pydantic.ConfigDict(extra="forbid")

    inputText: str
    dimensions: typing.Optional[int] = None
    normalize: typing.Optional[bool] = None
    embeddingTypes: typing.Optional[list[str]] = None


class Rerank(pydantic.BaseModel):
    """A request to rank, of which the SDKs have no model: https://docs.cohere.com/reference/rerank."""

    model_config = pydantic.ConfigDict(extra="forbid")

    model: str
    query: str
    documents: list[str]
    top_n: typing.Optional[int] = None


class FillIn(pydantic.BaseModel):
    """A request to fill in; the SDK's model takes any field: https://docs.mistral.ai/api/endpoint/fim."""

    model_config = pydantic.ConfigDict(extra="forbid")

    model: str
    prompt: str
    suffix: typing.Optional[str] = None
    max_tokens: typing.Optional[int] = None
    stream: typing.Optional[bool] = None


class OfAws:
    """A request of Bedrock, read with the model of the service that botocore has."""

    def __init__(self, operation):
        self.shape = SERVICE.operation_model(operation).input_shape

    def validate_json(self, text, strict):
        # The address names the model.
        report = botocore.validate.ParamValidator().validate({**json.loads(text), "modelId": "m"}, self.shape)
        if report.has_errors():
            raise OfAwsError(report.generate_report())


class OfAwsError(Exception):
    """What botocore says of a request, a line for each violation."""


SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")


class CohereChat(pydantic.BaseModel):
    """A request of Cohere's chat: the SDK puts it together of these models and has none for the whole."""

    model_config = pydantic.ConfigDict(extra="forbid")

    model: str
    messages: list[cohere.ChatMessageV2]
    stream: typing.Optional[bool] = None
    tools: typing.Optional[list[cohere.ToolV2]] = None
    strict_tools: typing.Optional[bool] = None
    documents: typing.Optional[list[typing.Union[str, cohere.Document]]] = None
    citation_options: typing.Optional[cohere.CitationOptions] = None
    response_format: typing.Optional[cohere.ResponseFormatV2] = None
    safety_mode: typing.Optional[typing.Literal["CONTEXTUAL", "STRICT", "OFF"]] = None
    max_tokens: typing.Optional[int] = None
    stop_sequences: typing.Optional[list[str]] = None
    temperature: typing.Optional[float] = None
    seed: typing.Optional[int] = None
    frequency_penalty: typing.Optional[float] = None
    presence_penalty: typing.Optional[float] = None
    k: typing.Optional[int] = None
    p: typing.Optional[float] = None
    logprobs: typing.Optional[bool] = None
    tool_choice: typing.Optional[typing.Literal["REQUIRED", "NONE"]] = None
    thinking: typing.Optional[cohere.Thinking] = None


class CohereEmbed(pydantic.BaseModel):
    """A request for vectors, as Cohere has it."""

    model_config = CohereChat.model_config

    model: str
    input_type: cohere.EmbedInputType
    texts: typing.Optional[list[str]] = None
    images: typing.Optional[list[str]] = None
    inputs: typing.Optional[list[cohere.EmbedInput]] = None
    max_tokens: typing.Optional[int] = None
    output_dimension: typing.Optional[int] = None
    embedding_types: typing.Optional[list[cohere.EmbeddingType]] = None
    truncate: typing.Optional[typing.Literal["NONE", "START", "END"]] = None


class CohereRerank(pydantic.BaseModel):
    """A request for a ranking, as Cohere has it."""

    model_config = CohereChat.model_config

    model: str
    query: str
    documents: list[str]
    top_n: typing.Optional[int] = None
    max_tokens_per_doc: typing.Optional[int] = None


def forbid_unknown_fields_of(models):
    """The same for models that are classes already; those of schemas stay open."""
    for model in models:
        model.model_config = {**model.model_config, "extra": "forbid"}
    for model in models:
        model.model_rebuild(force=True)


forbid_unknown_fields_of([
    one
    for one in (getattr(cohere, name) for name in dir(cohere))
    if isinstance(one, type) and issubclass(one, pydantic.BaseModel)
])
forbid_unknown_fields_of([
    ollama.Message.ToolCall.Function, ollama.Message.ToolCall, ollama.Message, ollama.Options,
    ollama.Tool.Function, ollama.Tool,
])


class OllamaChat(ollama.ChatRequest):
    """A request of Ollama's chat, without what else callers of the SDK may give in place of what is sent."""

    model_config = CohereChat.model_config

    messages: list[ollama.Message]
    tools: typing.Optional[list[ollama.Tool]] = None
    options: typing.Optional[ollama.Options] = None


class OllamaEmbed(ollama.EmbedRequest):
    """A request of Ollama's vectors, likewise."""

    model_config = CohereChat.model_config

    input: str | list[str]
    options: typing.Optional[ollama.Options] = None


for own in [CohereChat, CohereEmbed, CohereRerank]:
    own.model_rebuild(force=True)


def adapter(body, path, version):
    if path.endswith(("/converse", "/converse-stream")):
        return "bedrock_converse", ADAPTERS["converse stream" if path.endswith("-stream") else "converse"]
    if path.endswith("/invoke") and "inputText" in body:
        return "titan_embed", ADAPTERS["titan_embed"]
    if path.endswith("/count-tokens"):
        return "bedrock_converse", ADAPTERS["count tokens"]
    if path in ("/v2/chat", "/v2/embed", "/v2/rerank"):
        kind = {"/v2/chat": "cohere_chat", "/v2/embed": "cohere_embed", "/v2/rerank": "cohere_rerank"}[path]
        return kind, ADAPTERS[kind]
    if path == "/api/chat":
        return "ollama_chat", ADAPTERS["ollama_chat"]
    if path == "/api/embed":
        return "ollama_embed", ADAPTERS["ollama_embed"]
    messages = "anthropic_messages 2023-06-01" if version == "2023-06-01" else "anthropic_messages"
    if path.endswith("/chat/completions"):
        return "openai_chat", ADAPTERS["chat stream" if body.get("stream") else "chat"]
    if path.endswith("/rerank"):
        return "rerank", ADAPTERS["rerank"]
    if path.endswith("/fim/completions"):
        return "fim", ADAPTERS["fim"]
    if path.endswith("/embeddings"):
        return "embeddings", ADAPTERS["embeddings"]
    if path.endswith("/responses/input_tokens"):
        return "openai_responses", ADAPTERS["input tokens"]
    if path.endswith("/responses"):
        return "openai_responses", ADAPTERS["responses stream" if body.get("stream") else "responses"]
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return "google_gemini", ADAPTERS["generate content"]
    if path.endswith(":embedContent"):
        return "google_gemini", ADAPTERS["embed content"]
    if path.endswith(":batchEmbedContents"):
        return "google_gemini", ADAPTERS["batch embed contents"]
    if path.endswith(":countTokens"):
        return "google_gemini", ADAPTERS["count contents"]
    if path.endswith("/count_tokens"):
        return messages, ADAPTERS["count"]
    return messages, ADAPTERS["messages stream" if body.get("stream") else "messages"]


for package in [openai.types, anthropic.types]:
    forbid_unknown_fields(package)
ADAPTERS = {
    "converse": OfAws("Converse"),
    "converse stream": OfAws("ConverseStream"),
    "count tokens": OfAws("CountTokens"),
    "cohere_chat": pydantic.TypeAdapter(CohereChat),
    "cohere_embed": pydantic.TypeAdapter(CohereEmbed),
    "cohere_rerank": pydantic.TypeAdapter(CohereRerank),
    "ollama_chat": pydantic.TypeAdapter(OllamaChat),
    "titan_embed": pydantic.TypeAdapter(TitanEmbed),
    "ollama_embed": pydantic.TypeAdapter(OllamaEmbed),
    "chat": pydantic.TypeAdapter(completions.CompletionCreateParamsNonStreaming),
    "chat stream": pydantic.TypeAdapter(completions.CompletionCreateParamsStreaming),
    "responses": pydantic.TypeAdapter(responses.ResponseCreateParamsNonStreaming),
    "responses stream": pydantic.TypeAdapter(responses.ResponseCreateParamsStreaming),
    "input tokens": pydantic.TypeAdapter(input_tokens.InputTokenCountParams),
    "embeddings": pydantic.TypeAdapter(embeddings.EmbeddingCreateParams),
    "messages": pydantic.TypeAdapter(messages.MessageCreateParamsNonStreaming),
    "messages stream": pydantic.TypeAdapter(messages.MessageCreateParamsStreaming),
    "rerank": pydantic.TypeAdapter(Rerank),
    "fim": pydantic.TypeAdapter(FillIn),
    "generate content": pydantic.TypeAdapter(GenerateContent),
    "embed content": pydantic.TypeAdapter(EmbedContent),
    "batch embed contents": pydantic.TypeAdapter(BatchEmbedContents),
    "count contents": pydantic.TypeAdapter(CountTokens),
    "count": pydantic.TypeAdapter(counting.MessageCountTokensParams),
}


def check(body, path, version="2026-10-21"):
    """The violations of one request: where, and what."""
    dialect, model = adapter(body, path, version)
    stripped = without_extensions(json.loads(json.dumps(body)), EXTENSIONS[dialect])
    if dialect == "ollama_chat":
        # The SDK has an object around what it sends as a text.
        for message in stripped.get("messages") or []:
            message["images"] = [{"value": image} for image in message["images"]] if message.get("images") else None
    if dialect == "openai_responses":
        # The model requires the word, and the vendor takes tools without it, which frameworks rely on.
        for tool in stripped.get("tools") or []:
            if tool.get("type") == "function":
                tool.setdefault("strict", None)
    try:
        model.validate_json(json.dumps(stripped), strict=True)
    except OfAwsError as error:
        return [("", line) for line in str(error).splitlines()]
    except pydantic.ValidationError as error:
        return nearest([(one["loc"], one["msg"]) for one in error.errors(include_input=False)])
    return []


def nearest(errors):
    """Of a message that fits no role, the complaints of the role that it fits best."""
    by_role = {}
    for where, what in errors:
        listed = where[0] in ("messages", "input") and len(where) > 2
        role = where[2] if listed else ""
        by_role.setdefault(where[:2], {}).setdefault(role, []).append((".".join(map(str, where)), what))
    return [error for roles in by_role.values() for error in min(roles.values(), key=len)]


def notices_mistakes():
    """The check itself must find what it is there for."""
    good = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    assert not check(good, "/v1/chat/completions")
    wrong = [
        {**good, "nonsense": 1},
        {**good, "messages": [{"role": "user", "content": "a", "nonsense": 1}]},
        {**good, "messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
        {**good, "temperature": "hot"},
        {**good, "tools": [{"type": "function", "function": {}}]},
        {**good, "stop": [1]},
        {"model": "m"},
    ]
    for body in wrong:
        assert check(body, "/v1/chat/completions"), body
    asked = {"model": "m", "input": [{"role": "user", "content": "a"}]}
    assert not check(asked, "/v1/responses")
    wrong = [
        {**asked, "nonsense": 1},
        {**asked, "messages": []},
        {**asked, "input": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]},
        {**asked, "input": [{"type": "function_call", "call_id": 1, "name": "a", "arguments": "{}"}]},
        {**asked, "tools": [{"type": "function", "function": {"name": "a"}}]},
        {**asked, "max_output_tokens": "5"},
    ]
    for body in wrong:
        assert check(body, "/v1/responses"), body
    good["max_tokens"] = 5
    assert not check(good, "/v1/messages")
    wrong = [
        {**good, "nonsense": 1},
        {**good, "max_tokens": "5"},
        {**good, "temperature": 1},
        {**good, "messages": [{"role": "tool", "content": "a"}]},
        {**good, "messages": [{"role": "user", "content": [{"type": "text", "text": "a", "nonsense": 1}]}]},
        {**good, "tools": [{"name": "a", "input_schema": "object"}]},
    ]
    for body in wrong:
        assert check(body, "/v1/messages"), body
    asked = {"model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8}
    assert not check({"requests": [asked]}, "/v1beta/models/m:batchEmbedContents")
    for wrong in [{**asked, "nonsense": 1}, {**asked, "outputDimensionality": "8"}, {"content": asked["content"]}]:
        assert check({"requests": [wrong]}, "/v1beta/models/m:batchEmbedContents"), wrong
    asked = {"model": "m", "input": ["a"], "dimensions": 8}
    assert not check(asked, "/api/embed")
    for body in [{**asked, "nonsense": 1}, {**asked, "input": [1]}, {**asked, "dimensions": "8"}]:
        assert check(body, "/api/embed"), body
    asked = {"contents": [{"role": "user", "parts": [{"text": "a"}]}], "generationConfig": {"maxOutputTokens": 5}}
    assert not check(asked, "/v1beta/models/m:generateContent")
    wrong = [
        {**asked, "nonsense": 1},
        {**asked, "contents": [{"role": "user", "parts": [{"text": "a", "nonsense": 1}]}]},
        {**asked, "contents": [{"role": "user", "parts": [{"text": 1}]}]},
        {**asked, "generationConfig": {"maxOutputTokens": "5"}},
        {**asked, "generationConfig": {"thinkingConfig": {"nonsense": 1}}},
        {**asked, "tools": [{"functionDeclarations": [{"nonsense": 1}]}]},
        {"generationConfig": {}},
    ]
    for body in wrong:
        assert check(body, "/v1beta/models/m:streamGenerateContent"), body


def notices_mistakes_of_vendors():
    """The same for those whose models are put together here."""
    converse = {"messages": [{"role": "user", "content": [{"text": "a"}]}], "inferenceConfig": {"maxTokens": 5}}
    cohere_chat = {"model": "m", "messages": [{"role": "user", "content": "a"}], "k": 5}
    ollama_chat = {"model": "m", "messages": [{"role": "user", "content": "a"}], "options": {"top_k": 5}}
    for path, good, wrong in [
        ("/model/m/converse", converse, {"nonsense": 1}),
        ("/model/m/converse", converse, {"inferenceConfig": {"maxTokens": "5"}}),
        ("/model/m/converse-stream", converse, {"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
        ("/v2/chat", cohere_chat, {"nonsense": 1}),
        ("/v2/chat", cohere_chat, {"k": "5"}),
        ("/v2/chat", cohere_chat, {"messages": [{"role": "user", "content": "a", "nonsense": 1}]}),
        ("/v2/chat", cohere_chat, {"messages": [{"role": "tool", "content": "a"}]}),
        ("/api/chat", ollama_chat, {"nonsense": 1}),
        ("/api/chat", ollama_chat, {"options": {"top_k": "5"}}),
        ("/api/chat", ollama_chat, {"messages": [{"role": "user", "content": "a", "nonsense": 1}]}),
    ]:
        assert not check(good, path), check(good, path)
        assert check({**good, **wrong}, path), (path, wrong)


notices_mistakes()
notices_mistakes_of_vendors()
read = violations = 0
for file in sorted(pathlib.Path(os.environ["SWITCHTOWER_CAPTURES"]).glob("*.json")):
    captured = json.loads(file.read_text())
    read += 1
    found = check(captured["body"], captured["path"], captured["headers"].get("anthropic-version"))
    violations += len(found)
    for where, what in found:
        print(f"{file.name} {captured['path']}: {where}: {what}")
assert read > 100, f"only {read} requests were captured"
print(f"{read} requests read with the SDKs' own models: {violations} violations")
