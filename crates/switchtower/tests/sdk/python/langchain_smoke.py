"""LangChain's chat models for OpenAI, Anthropic, Google and Bedrock, through the gateway: smoke tests."""

import importlib.metadata

import cells
from cells import holds, is_city, positive, same
from langchain_anthropic import ChatAnthropic
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

RESULT = "21 degrees and a light breeze"
WEATHER = {"name": "get_weather", "description": "The weather of a city", "parameters": cells.WEATHER}
CITY = {"title": "city", "description": "A city", **cells.CITY}


def scenarios_of(model):
    def whole(p):
        answer = model(p).invoke(f"echo: {p.text()}")
        same(answer.text, p.text(), "the text")
        positive(answer.usage_metadata["input_tokens"], "input_tokens")
        positive(answer.usage_metadata["output_tokens"], "output_tokens")

    def streamed(p):
        pieces = list(model(p).stream(f"echo: {p.text()}"))
        assert len(pieces) > 2, "it came in one piece"
        whole = pieces[0]
        for piece in pieces[1:]:
            whole += piece
        same(whole.text, p.text(), "the streamed text")
        positive(whole.usage_metadata["output_tokens"], "output_tokens")

    def tool_loop(p):
        bound = model(p).bind_tools([WEATHER])
        messages = [HumanMessage(f"What is the weather in Paris? ({p.text()})")]
        answer = bound.invoke(messages)
        (call,) = answer.tool_calls
        same((call["name"], call["args"]["city"]), ("get_weather", "Paris"), "the call")
        messages += [answer, ToolMessage(RESULT, tool_call_id=call["id"])]
        holds(bound.invoke(messages).text, RESULT)

    def structured_output(p):
        is_city(model(p).with_structured_output(CITY, method="json_schema").invoke(f"Describe Paris. {p.text()}"))

    return [whole, streamed, tool_loop, structured_output]


def openai_chat(p):
    return ChatOpenAI(model=p.model(), base_url=f"{cells.URL}/v1", api_key=cells.KEY, max_retries=0, stream_usage=True)


def openai_responses(p):
    return ChatOpenAI(
        model=p.model(), base_url=f"{cells.URL}/v1", api_key=cells.KEY, max_retries=0, use_responses_api=True
    )


def anthropic_messages(p):
    return ChatAnthropic(model=p.model(), base_url=cells.URL, api_key=cells.KEY, max_retries=0, max_tokens=600)


def google_gemini(p):
    return ChatGoogleGenerativeAI(model=p.model(), base_url=cells.URL, google_api_key=cells.KEY, max_retries=1)


def bedrock_converse(p):
    # The id of a key is its name at the gateway.
    return ChatBedrockConverse(
        model=p.model(),
        provider="anthropic",
        region_name="eu-central-1",
        endpoint_url=cells.URL,
        aws_access_key_id="sdk",
        aws_secret_access_key=cells.KEY,
        # It streams only from models whose names it knows.
        disable_streaming=False,
    )


if __name__ == "__main__":
    for client, dialect, model in [
        ("langchain-openai", "openai_chat", openai_chat),
        ("langchain-openai", "openai_responses", openai_responses),
        ("langchain-anthropic", "anthropic_messages", anthropic_messages),
        ("langchain-google-genai", "google_gemini", google_gemini),
        ("langchain-aws", "bedrock_converse", bedrock_converse),
    ]:
        cells.run(client, dialect, importlib.metadata.version(client), scenarios_of(model))
