"""The OpenAI Agents SDK, through the gateway: an agent that needs two tools, one after the other."""

import asyncio
import importlib.metadata

import agents
import cells
import openai
from cells import holds, same

agents.set_tracing_disabled(True)


def client():
    # Each run has an event loop of its own, which connections do not outlive.
    return openai.AsyncOpenAI(base_url=f"{cells.URL}/v1", api_key=cells.KEY, max_retries=0, timeout=30)


def agent_of(model):
    called = []

    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        called.append(("get_weather", city))
        return f"{city}: 21 degrees"

    @agents.function_tool
    def get_time(city: str) -> str:
        """The time in a city."""
        called.append(("get_time", city))
        return f"{city}: noon"

    agent = agents.Agent(name="guard", instructions="Use tools.", model=model, tools=[get_weather, get_time])
    return agent, called


def scenarios_of(model):
    def two_tool_agent(p):
        for is_streamed in [False, True]:
            agent, called = agent_of(model(p))
            question = f"What is the weather and the time in Paris? ({p.text()} {is_streamed})"
            output = asyncio.run(ask(agent, question, is_streamed))
            same(sorted(called), [("get_time", "Paris"), ("get_weather", "Paris")], "the calls")
            holds(output, "Paris: 21 degrees")
            holds(output, "Paris: noon")

    return [two_tool_agent]


async def ask(agent, question, is_streamed):
    if not is_streamed:
        return (await agents.Runner.run(agent, question)).final_output
    running = agents.Runner.run_streamed(agent, question)
    async for _ in running.stream_events():
        pass
    return running.final_output


def responses(p):
    return agents.OpenAIResponsesModel(model=p.model(), openai_client=client())


def chat(p):
    return agents.OpenAIChatCompletionsModel(model=p.model(), openai_client=client())


if __name__ == "__main__":
    version = importlib.metadata.version("openai-agents")
    cells.run("openai-agents", "openai_responses", version, scenarios_of(responses))
    cells.run("openai-agents", "openai_chat", version, scenarios_of(chat))
