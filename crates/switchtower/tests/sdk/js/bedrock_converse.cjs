// AWS's JavaScript SDK speaking Converse to Bedrock, through the gateway: HTTP/2 from the first byte, without TLS.

'use strict';

const assert = require('node:assert/strict');
const cells = require('./cells.cjs');
const { all, holds, isCity, positive, raises, same } = cells;

const bedrock = cells.sdk('@aws-sdk/client-bedrock-runtime');
// The id of a key is its name at the gateway.
const connect = (secretAccessKey) => new bedrock.BedrockRuntimeClient({
  endpoint: cells.URL,
  region: 'eu-central-1',
  credentials: { accessKeyId: 'sdk', secretAccessKey },
  maxAttempts: 1,
});
const client = connect(cells.KEY);
// The SDK keeps the headers of answers to itself.
let notices;
client.middlewareStack.add((next) => async (asked) => {
  const told = await next(asked);
  notices = told.response.headers[cells.NOTICES];
  return told;
}, { step: 'deserialize' });
const TOOLS = {
  tools: [{
    toolSpec: { name: 'get_weather', description: 'The weather of a city', inputSchema: { json: cells.WEATHER } },
  }],
};
const RESULT = '21 degrees and a light breeze';
const create = (p, messages, more, directives) =>
  client.send(new bedrock.ConverseCommand({ modelId: p.model(directives), messages, ...more }));
const stream = async (p, messages, more, directives) =>
  (await client.send(new bedrock.ConverseStreamCommand({ modelId: p.model(directives), messages, ...more }))).stream;
const user = (...blocks) => ({ role: 'user', content: blocks.map((one) => (typeof one === 'string' ? { text: one } : one)) });
const textOf = (message) => message.content.map((block) => block.text ?? '').join('');
const callsOf = (message) => message.content.flatMap((block) => (block.toolUse ? [block.toolUse] : []));
const thoughtOf = (message) => message.content.map((block) => block.reasoningContent?.reasoningText?.text ?? '').join('');
const resultOf = ({ toolUseId }, text) => ({ toolResult: { toolUseId, content: [{ text }], status: 'success' } });

function messageOf(answer) {
  same(answer.output.message.role, 'assistant', 'the role');
  return answer.output.message;
}

// The answer that a stream comes to, in the shape of a whole one, and its pieces.
async function gathered(events) {
  const [blocks, pieces, names] = [[], [], []];
  const answer = { output: { message: { content: blocks } } };
  for (const event of await all(events)) {
    const [[name, said]] = Object.entries(event);
    names.push(name);
    if (name === 'messageStart') answer.output.message.role = said.role;
    if (name === 'contentBlockStart') blocks[said.contentBlockIndex] = { toolUse: { ...said.start.toolUse, input: '' } };
    if (name === 'contentBlockDelta') {
      const block = blocks[said.contentBlockIndex] ??= {};
      const { text, toolUse, reasoningContent } = said.delta;
      if (text !== undefined) {
        block.text = (block.text ?? '') + text;
        pieces.push(text);
      }
      if (toolUse) block.toolUse.input += toolUse.input;
      if (reasoningContent?.redactedContent) block.reasoningContent = reasoningContent;
      else if (reasoningContent) {
        const thought = (block.reasoningContent ??= { reasoningText: { text: '' } }).reasoningText;
        thought.text += reasoningContent.text ?? '';
        if (reasoningContent.signature) thought.signature = reasoningContent.signature;
      }
    }
    if (name === 'messageStop') answer.stopReason = said.stopReason;
    if (name === 'metadata') Object.assign(answer, said);
  }
  same([names[0], ...names.slice(-2)], ['messageStart', 'messageStop', 'metadata'], 'the events');
  same(names.filter((name) => name === 'contentBlockStop').length, blocks.length, 'the number of blocks that ended');
  for (const { toolUse } of blocks) if (toolUse) toolUse.input = JSON.parse(toolUse.input);
  return [answer, pieces];
}

async function whole(p) {
  const answer = await create(p, [user(`echo: ${p.text()}`)], {
    system: [{ text: 'You guard a line.' }],
    inferenceConfig: { maxTokens: 300, temperature: 1, stopSequences: ['ZZZ'] },
    requestMetadata: { team: 'signals' },
  });
  same(textOf(messageOf(answer)), p.text(), 'the text');
  same(answer.stopReason, 'end_turn', 'stopReason');
  positive(answer.usage.inputTokens, 'inputTokens');
  positive(answer.usage.outputTokens, 'outputTokens');
  same(answer.usage.totalTokens, answer.usage.inputTokens + answer.usage.outputTokens, 'totalTokens');
  assert(Number.isInteger(answer.metrics.latencyMs), 'there is no latency');
  const input = { converse: { messages: [user(`echo: ${p.text()}`)] } };
  const counted = await client.send(new bedrock.CountTokensCommand({ modelId: p.model(), input }));
  positive(counted.inputTokens, 'the count of tokens');
}

async function streamed(p) {
  for (const text of [`echo: ${p.text()}`, `Tell me of towers: ${p.text()}`]) {
    const asked = { inferenceConfig: { maxTokens: 400 } };
    const answer = await create(p, [user(text)], asked);
    const [again, pieces] = await gathered(stream(p, [user(text)], asked));
    assert(pieces.length > 1, 'it came in one piece');
    same(textOf(messageOf(again)), textOf(messageOf(answer)), 'the streamed text');
    same(again.stopReason, answer.stopReason, 'stopReason');
    same(again.usage.outputTokens, answer.usage.outputTokens, 'outputTokens');
    positive(again.usage.inputTokens, 'inputTokens');
  }
}

async function tool_loop(p) {
  for (const isStreamed of [false, true]) {
    const ask = async (messages) => {
      if (!isStreamed) return create(p, messages, { toolConfig: TOOLS });
      return (await gathered(stream(p, messages, { toolConfig: TOOLS })))[0];
    };
    const messages = [user(`What is the weather in Paris? (${p.text()} ${isStreamed})`)];
    const answer = await ask(messages);
    same(answer.stopReason, 'tool_use', 'stopReason');
    positive(answer.usage.outputTokens, 'outputTokens');
    const calls = callsOf(messageOf(answer));
    same(calls.map((call) => [call.name, call.input.city]), [['get_weather', 'Paris']], 'the calls');
    assert(['celsius', 'fahrenheit'].includes(calls[0].input.unit), calls[0].input.unit);
    const final = await ask([...messages, messageOf(answer), user(resultOf(calls[0], RESULT))]);
    holds(textOf(messageOf(final)), RESULT);
    same(final.stopReason, 'end_turn', 'stopReason');
  }
}

async function parallel_tools(p) {
  const messages = [user(`What is the weather in Paris and London? (${p.text()})`)];
  const asked = { toolConfig: TOOLS };
  const message = messageOf(await create(p, messages, asked));
  const calls = callsOf(message);
  const cities = calls.map((call) => call.input.city);
  same(cities, ['Paris', 'London'], 'the cities');
  same(new Set(calls.map((call) => call.toolUseId)).size, 2, 'the number of ids');
  const results = calls.map((call) => resultOf(call, `${call.input.city}: ${RESULT}`));
  const final = messageOf(await create(p, [...messages, message, user(...results)], asked));
  for (const city of cities) holds(textOf(final), `${city}: ${RESULT}`);
  const [answer] = await gathered(stream(p, messages, asked));
  same(callsOf(messageOf(answer)).map((call) => call.input.city), cities, 'the streamed cities');
}

async function structured_output(p) {
  const jsonSchema = { name: 'city', description: 'A city', schema: JSON.stringify(cells.CITY) };
  const asked = { outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema } } } };
  const messages = [user(`Describe Paris. ${p.text()}`)];
  const city = JSON.parse(textOf(messageOf(await create(p, messages, asked))));
  isCity(city);
  const [answer] = await gathered(stream(p, messages, asked));
  same(JSON.parse(textOf(messageOf(answer))), city, 'the streamed value');
}

async function image(p) {
  const picture = { image: { format: 'png', source: { bytes: Buffer.from(cells.PNG, 'base64') } } };
  const stored = { image: { format: 'png', source: { s3Location: { uri: cells.PICTURE_S3 } } } };
  const answer = await create(p, [user(`echo: ${p.text()}`, picture, stored)]);
  same(textOf(messageOf(answer)), p.text(), 'the text');
  const [[, body]] = p.sent(p.text());
  holds(JSON.stringify(body), cells.PNG);
  if (p.dialect === 'bedrock_converse') holds(JSON.stringify(body), cells.PICTURE_S3);
  else p.lost(notices, 'messages[0].content[2]', cells.S3_IS_OF_BEDROCK);
}

async function document(p) {
  const paper = { format: 'pdf', name: 'Timetable', source: { bytes: Buffer.from(cells.PDF, 'base64') } };
  const note = { format: 'txt', name: 'Note', source: { text: cells.PLAIN } };
  const answer = await create(p, [user(`echo: ${p.text()}`, { document: paper }, { document: note })]);
  holds(textOf(messageOf(answer)), p.text());
  const [[, body]] = p.sent(p.text());
  cells.documentArrived(p, body, notices);
}

async function reasoning_with_tools(p) {
  await thinkThenCall(p, { additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 2000 } } });
  await thinkThenCall(p, { outputConfig: { effort: 'high' } });
}

async function thinkThenCall(p, thinking) {
  const asked = { toolConfig: TOOLS, inferenceConfig: { maxTokens: 4000 }, ...thinking };
  const messages = [user(`What is the weather in Paris? (${p.text()})`)];
  const message = messageOf(await create(p, messages, asked));
  const thought = thoughtOf(message);
  assert(thought, 'there is no reasoning');
  const [again] = await gathered(stream(p, messages, asked));
  same(thoughtOf(messageOf(again)), thought, 'the streamed reasoning');
  const [call] = callsOf(message);
  const final = messageOf(await create(p, [...messages, message, user(resultOf(call, RESULT))], asked));
  holds(textOf(final), RESULT);
  assert(thoughtOf(final), 'there is no reasoning in the second turn');
  const [, body] = p.sent(p.text()).at(-1);
  cells.takenUp(p, body, thought);
}

async function error(p) {
  const ask = (directives) => create(p, [user(p.text())], {}, directives);
  const limited = await raises(bedrock.ThrottlingException, () => ask('?fault=rate_limited:retry_after=2'));
  same(limited.$metadata.httpStatusCode, 429, 'the status');
  const nowhere = new bedrock.ConverseCommand({ modelId: 'nowhere/sim-1', messages: [user('hello')] });
  const missing = await raises(bedrock.ResourceNotFoundException, () => client.send(nowhere));
  holds(missing.message, 'nowhere/sim-1');
  if (!cells.TAKES_SILENCE.includes(p.dialect)) await raises(bedrock.ValidationException, () => create(p, []));
  await raises(bedrock.ValidationException, () => ask('?fault=bad_request'));
  await raises(bedrock.ServiceUnavailableException, () => ask('?fault=overloaded'));
  await raises(bedrock.BedrockRuntimeServiceException, () => ask('?fault=server_error'));
  const hello = new bedrock.ConverseCommand({ modelId: p.model(), messages: [user('hello')] });
  const wrong = await raises(bedrock.BedrockRuntimeServiceException, () => connect('wrong').send(hello));
  same(wrong.name, 'UnrecognizedClientException', 'the name of a wrong key');
  for (const fault of ['stream_error:after=4', 'cut:after=4', 'clean_cut:after=4']) {
    const broken = () => all(stream(p, [user(p.text())], {}, `?fault=${fault}`));
    await raises(bedrock.BedrockRuntimeServiceException, broken);
  }
}

async function cancel(p) {
  const leaving = new AbortController();
  const modelId = p.model('?tokens_per_second=10&output_tokens=400');
  const asked = new bedrock.ConverseStreamCommand({ modelId, messages: [user(p.text())] });
  const answer = await client.send(asked, { abortSignal: leaving.signal });
  let seen = 0;
  for await (const _ of answer.stream) {
    seen += 1;
    if (seen === 4) break;
  }
  leaving.abort();
  const [[number]] = p.sent(p.text());
  await cells.endedEarly(number);
}

async function embeddings(p) {
  const body = JSON.stringify({ inputText: p.text() });
  const asked = new bedrock.InvokeModelCommand({ modelId: p.model(), body });
  const refused = await raises(bedrock.ValidationException, () => client.send(asked));
  if (p.dialect === 'bedrock_converse') p.refused(refused, 'anthropic_version', cells.NO_VECTORS_OF_SIM);
  p.refused(refused, 'no invoke; these providers have: converse', cells.NO_VECTORS_OF_BEDROCK);
}

cells.run('@aws-sdk/client-bedrock-runtime', 'bedrock_converse', cells.version('@aws-sdk/client-bedrock-runtime'), [
  whole, streamed, tool_loop, parallel_tools, structured_output, image, document, reasoning_with_tools, error, cancel, embeddings,
]);
