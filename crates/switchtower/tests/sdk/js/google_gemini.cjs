// The official JavaScript SDK of Google, through the gateway.

'use strict';

const assert = require('node:assert/strict');
const cells = require('./cells.cjs');
const { all, holds, isCity, positive, raises, same } = cells;

const { ApiError, GoogleGenAI } = cells.sdk('@google/genai');
const connect = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: cells.URL, timeout: 30_000 } });
const client = connect(cells.KEY);
const DECLARED = { name: 'get_weather', description: 'The weather of a city' };
// The same schema in JSON Schema, and in the subset of OpenAPI that the vendor had first.
const TOOLS = [
  { functionDeclarations: [{ ...DECLARED, parametersJsonSchema: cells.WEATHER }] },
  {
    functionDeclarations: [{
      ...DECLARED,
      parameters: {
        type: 'OBJECT',
        properties: { city: { type: 'STRING' }, unit: { type: 'STRING', enum: ['celsius', 'fahrenheit'] } },
        required: ['city', 'unit'],
      },
    }],
  },
];
const RESULT = '21 degrees and a light breeze';
// The name as it stands in an address.
const model = (p, directives) => encodeURIComponent(p.model(directives)).replaceAll('%2F', '/');
const create = (p, contents, config, directives) => client.models.generateContent({ model: model(p, directives), contents, config });
const stream = (p, contents, config, directives) =>
  client.models.generateContentStream({ model: model(p, directives), contents, config });
const user = (...parts) => ({ role: 'user', parts: parts.map((part) => (typeof part === 'string' ? { text: part } : part)) });
const callsOf = (parts) => parts.map((part) => part.functionCall).filter((call) => call);
const textOf = (parts) => parts.filter((part) => !part.thought).map((part) => part.text ?? '').join('');
const thoughtOf = (parts) => parts.filter((part) => part.thought).map((part) => part.text ?? '').join('');
const resultOf = ({ id, name }, text) => ({ functionResponse: { id, name, response: { result: text } } });

function partsOf(answer) {
  same(answer.candidates.length, 1, 'the number of candidates');
  same(answer.candidates[0].content.role, 'model', 'the role');
  return answer.candidates[0].content.parts ?? [];
}

// The parts of all chunks and the last chunk, which must be the only one that says why it ended.
async function gathered(chunks) {
  const list = await all(chunks);
  const candidates = list.flatMap((chunk) => chunk.candidates ?? []);
  same(candidates.filter((candidate) => candidate.finishReason).length, 1, 'the number of reasons to finish');
  return [candidates.flatMap((candidate) => candidate.content?.parts ?? []), list.at(-1)];
}

async function whole(p) {
  const answer = await create(p, [user(`echo: ${p.text()}`)], {
    systemInstruction: 'You guard a line.',
    maxOutputTokens: 300,
    temperature: 1,
    stopSequences: ['ZZZ'],
  });
  same(answer.text, p.text(), 'the text');
  same(answer.candidates[0].finishReason, 'STOP', 'finishReason');
  const usage = answer.usageMetadata;
  positive(usage.promptTokenCount, 'promptTokenCount');
  positive(usage.candidatesTokenCount, 'candidatesTokenCount');
  same(usage.totalTokenCount, usage.promptTokenCount + usage.candidatesTokenCount, 'totalTokenCount');
  assert(answer.responseId && answer.modelVersion, 'there is no responseId or modelVersion');
  assert((await all(client.models.list())).length > 0, 'no model is listed');
  if (p.dialect === 'google_gemini') {
    const counted = await client.models.countTokens({ model: model(p), contents: [user(`echo: ${p.text()}`)] });
    positive(counted.totalTokens, 'the count of tokens');
  }
}

async function streamed(p) {
  for (const text of [`echo: ${p.text()}`, `Tell me of towers: ${p.text()}`]) {
    const config = { maxOutputTokens: 400 };
    const answer = await create(p, [user(text)], config);
    const [parts, last] = await gathered(stream(p, [user(text)], config));
    assert(parts.filter((part) => part.text).length > 1, 'it came in one piece');
    same(textOf(parts), answer.text, 'the streamed text');
    same(last.candidates[0].finishReason, answer.candidates[0].finishReason, 'finishReason');
    same(last.usageMetadata.candidatesTokenCount, answer.usageMetadata.candidatesTokenCount, 'candidatesTokenCount');
    positive(last.usageMetadata.promptTokenCount, 'promptTokenCount');
  }
}

async function tool_loop(p) {
  for (const tool of TOOLS) {
    for (const isStreamed of [false, true]) {
      const ask = async (contents) => {
        if (isStreamed) return gathered(stream(p, contents, { tools: [tool] }));
        const answer = await create(p, contents, { tools: [tool] });
        return [partsOf(answer), answer];
      };
      const contents = [user(`What is the weather in Paris? (${p.text()} ${isStreamed})`)];
      const [parts, asked] = await ask(contents);
      same(asked.candidates[0].finishReason, 'STOP', 'finishReason');
      positive(asked.usageMetadata.candidatesTokenCount, 'candidatesTokenCount');
      const calls = callsOf(parts);
      same(calls.map((call) => [call.name, call.args.city]), [['get_weather', 'Paris']], 'the calls');
      assert(['celsius', 'fahrenheit'].includes(calls[0].args.unit), calls[0].args.unit);
      const [final, last] = await ask([...contents, { role: 'model', parts }, user(resultOf(calls[0], RESULT))]);
      holds(textOf(final), RESULT);
      same(last.candidates[0].finishReason, 'STOP', 'finishReason');
    }
  }
}

async function parallel_tools(p) {
  const contents = [user(`What is the weather in Paris and London? (${p.text()})`)];
  const config = { tools: TOOLS.slice(0, 1) };
  const parts = partsOf(await create(p, contents, config));
  const calls = callsOf(parts);
  const cities = calls.map((call) => call.args.city);
  same(cities, ['Paris', 'London'], 'the cities');
  same(new Set(calls.map((call) => call.id)).size, 2, 'the number of ids');
  const results = calls.map((call) => resultOf(call, `${call.args.city}: ${RESULT}`));
  const final = await create(p, [...contents, { role: 'model', parts }, user(...results)], config);
  for (const city of cities) holds(final.text, `${city}: ${RESULT}`);
  const [streamed] = await gathered(stream(p, contents, config));
  same(callsOf(streamed).map((call) => call.args.city), cities, 'the streamed cities');
}

async function structured_output(p) {
  const contents = [user(`Describe Paris. ${p.text()}`)];
  const schema = {
    type: 'OBJECT',
    properties: {
      name: { type: 'STRING' },
      inhabitants: { type: 'INTEGER' },
      districts: { type: 'ARRAY', items: { type: 'STRING' } },
      capital: { type: 'BOOLEAN' },
    },
    required: cells.CITY.required,
  };
  for (const asked of [{ responseSchema: schema }, { responseJsonSchema: cells.CITY }]) {
    const config = { responseMimeType: 'application/json', ...asked };
    const city = JSON.parse((await create(p, contents, config)).text);
    isCity(city);
    const [parts] = await gathered(stream(p, contents, config));
    same(JSON.parse(textOf(parts)), city, 'the streamed value');
  }
}

async function image(p) {
  const picture = { inlineData: { mimeType: 'image/png', data: cells.PNG } };
  const address = { fileData: { mimeType: 'image/png', fileUri: cells.PICTURE_URL } };
  const answer = await create(p, [user(`echo: ${p.text()}`, picture, address)]);
  same(answer.text, p.text(), 'the text');
  const [[, body]] = p.sent(p.text());
  holds(JSON.stringify(body), cells.PNG);
  cells.pictureArrived(p, body);
}

async function document(p) {
  const paper = { inlineData: { mimeType: 'application/pdf', data: cells.PDF } };
  const note = { inlineData: { mimeType: 'text/plain', data: Buffer.from(cells.PLAIN).toString('base64') } };
  holds((await create(p, [user(`echo: ${p.text()}`, paper, note)])).text, p.text());
  const [[, body]] = p.sent(p.text());
  cells.documentArrived(p, body);
}

async function embeddings(p) {
  const texts = [p.text(), 'a second text', 'a third'];
  const asked = (contents, config) =>
    client.models.embedContent({ model: model(p).replace('sim-1', 'sim-embed'), contents, config });
  if (!cells.EMBEDS.includes(p.dialect)) {
    p.refused(await raises(ApiError, () => asked(texts)), 'no embeddings', cells.NO_VECTORS);
  }
  const answer = await asked(texts);
  same(answer.embeddings.length, 3, 'the number of vectors');
  const alone = await asked(texts[1]);
  same(alone.embeddings[0].values, answer.embeddings[1].values, 'the vector of a text among others and alone');
  const short = await asked(texts[0], { outputDimensionality: 256 });
  same(short.embeddings[0].values.length, 256, 'the dimensions that were asked for');
}

async function reasoning_with_tools(p) {
  for (const thinking of [{ thinkingBudget: 2048 }, { thinkingLevel: 'HIGH' }]) {
    const config = { tools: TOOLS.slice(0, 1), thinkingConfig: { includeThoughts: true, ...thinking } };
    const contents = [user(`What is the weather in Paris? (${p.text()})`)];
    const answer = await create(p, contents, config);
    const parts = partsOf(answer);
    const thought = thoughtOf(parts);
    assert(thought, 'there is no reasoning');
    if (!cells.UNCOUNTED_THOUGHTS.includes(p.dialect)) positive(answer.usageMetadata.thoughtsTokenCount, 'thoughtsTokenCount');
    const [again] = await gathered(stream(p, contents, config));
    same(thoughtOf(again), thought, 'the streamed reasoning');
    const [call] = callsOf(parts);
    for (const kept of [parts, again]) {
      const told = [...contents, { role: 'model', parts: kept }, user(resultOf(call, RESULT))];
      const final = partsOf(await create(p, told, config));
      holds(textOf(final), RESULT);
      assert(thoughtOf(final), 'there is no reasoning in the second turn');
      // Reasoning of the turn before reaches the provider, in words or sealed.
      cells.takenUp(p, p.sent(p.text()).at(-1), p.dialect === 'openai_responses' ? 'encrypted_content' : thought);
    }
  }
}

async function error(p) {
  const ask = (directives) => create(p, [user(p.text())], {}, directives);
  const fails = async (status, call) => {
    const failed = await raises(ApiError, call);
    same(failed.status, status, 'the status');
    return failed;
  };
  holds((await fails(429, () => ask('?fault=rate_limited:retry_after=2'))).message, 'RESOURCE_EXHAUSTED');
  const nowhere = () => client.models.generateContent({ model: 'nowhere/sim-1', contents: 'hello' });
  holds((await fails(404, nowhere)).message, 'nowhere/sim-1');
  await fails(400, () => ask('?fault=bad_request'));
  await fails(503, () => ask('?fault=overloaded'));
  const broken = await raises(ApiError, () => ask('?fault=server_error'));
  assert(broken.status >= 500, `${broken.status}`);
  const stranger = connect('wrong');
  const wrong = await raises(ApiError, () => stranger.models.generateContent({ model: model(p), contents: 'hello' }));
  assert([400, 401, 403].includes(wrong.status), `${wrong.status}`);
  for (const fault of ['stream_error:after=4', 'cut:after=4', 'clean_cut:after=4']) {
    await raises(ApiError, () => all(stream(p, [user(p.text())], {}, `?fault=${fault}`)));
  }
}

async function cancel(p) {
  const leaving = new AbortController();
  const config = { abortSignal: leaving.signal };
  const answer = await stream(p, [user(p.text())], config, '?tokens_per_second=10&output_tokens=400');
  let seen = 0;
  for await (const _ of answer) {
    seen += 1;
    if (seen === 4) break;
  }
  leaving.abort();
  const [[number]] = p.sent(p.text());
  await cells.endedEarly(number);
}

cells.run('google-genai (JavaScript)', 'google_gemini', cells.version('@google/genai'), [
  whole, streamed, tool_loop, parallel_tools, structured_output, image, document, reasoning_with_tools, error, cancel, embeddings,
]);
