// The Vercel AI SDK with its providers for OpenAI (Responses and Chat Completions) and Anthropic: smoke tests.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const require = createRequire(import.meta.url);
const cells = require('./cells.cjs');
const { holds, isCity, positive, same } = cells;

const modules = process.env.SWITCHTOWER_NODE_MODULES;
const load = (name) => {
  const entry = createRequire(path.join(modules, 'x.cjs')).resolve(name);
  return import(pathToFileURL(entry));
};
const { generateText, streamText, jsonSchema, tool, stepCountIs, Output } = await load('ai');
const { createOpenAI } = await load('@ai-sdk/openai');
const { createAnthropic } = await load('@ai-sdk/anthropic');

const openai = createOpenAI({ baseURL: `${cells.URL}/v1`, apiKey: cells.KEY });
const anthropic = createAnthropic({ baseURL: `${cells.URL}/v1`, apiKey: cells.KEY });
const RESULT = '21 degrees and a light breeze';

function scenariosOf(model) {
  const asked = (p, prompt) => ({ model: model(p.model()), prompt, maxRetries: 0, maxOutputTokens: 600 });
  const tools = {
    get_weather: tool({
      description: 'The weather of a city',
      inputSchema: jsonSchema(cells.WEATHER),
      execute: async ({ city }) => `${city}: ${RESULT}`,
    }),
  };

  async function whole(p) {
    const answer = await generateText(asked(p, `echo: ${p.text()}`));
    same(answer.text, p.text(), 'the text');
    same(answer.finishReason, 'stop', 'finishReason');
    positive(answer.usage.inputTokens, 'inputTokens');
    positive(answer.usage.outputTokens, 'outputTokens');
  }

  async function streamed(p) {
    const answer = streamText(asked(p, `echo: ${p.text()}`));
    const pieces = [];
    for await (const piece of answer.textStream) pieces.push(piece);
    assert(pieces.length > 1, 'it came in one piece');
    same(pieces.join(''), p.text(), 'the streamed text');
    same(await answer.finishReason, 'stop', 'finishReason');
    positive((await answer.usage).outputTokens, 'outputTokens');
  }

  async function tool_loop(p) {
    const prompt = `What is the weather in Paris? (${p.text()})`;
    const answer = await generateText({ ...asked(p, prompt), tools, stopWhen: stepCountIs(3) });
    same(answer.steps.length, 2, 'the number of steps');
    holds(answer.text, `Paris: ${RESULT}`);
    const stream = streamText({ ...asked(p, `${prompt} streamed`), tools, stopWhen: stepCountIs(3) });
    await stream.consumeStream();
    holds(await stream.text, `Paris: ${RESULT}`);
  }

  async function structured_output(p) {
    const output = Output.object({ schema: jsonSchema(cells.CITY) });
    const answering = generateText({ ...asked(p, `Describe Paris. ${p.text()}`), output });
    if (p.client.endsWith('anthropic_messages') && cells.CALLS_AT_WILL.includes(p.dialect)) {
      await cells.raises(Error, () => answering);
      const reason = `models of ${p.dialect} cannot be made to call a tool, by which this client asks for structure`;
      return p.lost(cells.lastNotices(), 'tool_choice;meaning', reason);
    }
    isCity((await answering).output);
  }

  return [whole, streamed, tool_loop, structured_output];
}

const version = cells.version('ai');
await cells.run('ai with @ai-sdk/openai', 'openai_responses', version, scenariosOf((name) => openai.responses(name)));
await cells.run('ai with @ai-sdk/openai', 'openai_chat', version, scenariosOf((name) => openai.chat(name)));
await cells.run('ai with @ai-sdk/anthropic', 'anthropic_messages', version, scenariosOf((name) => anthropic(name)));
