// The official JavaScript SDK of OpenAI, through the gateway.

'use strict';

const assert = require('node:assert/strict');
const cells = require('./cells.cjs');
const { all, holds, isCity, positive, raises, same } = cells;

const OpenAI = cells.sdk('openai').OpenAI;
const client = new OpenAI({ baseURL: `${cells.URL}/v1`, apiKey: cells.KEY, maxRetries: 0, timeout: 30_000 });
const chat = client.chat.completions;
const create = (asked, options) => chat.create(asked, options);
const TOOL = {
  type: 'function',
  function: { name: 'get_weather', description: 'The weather of a city', parameters: cells.WEATHER, strict: true },
};
const RESULT = '21 degrees and a light breeze';
const user = (content) => ({ role: 'user', content });
const cityOf = (call) => JSON.parse(call.function.arguments).city;

async function whole(p) {
  const answer = await create({
    model: p.model(),
    messages: [{ role: 'system', content: 'You guard a line.' }, user(`echo: ${p.text()}`)],
    max_completion_tokens: 300,
    temperature: 1,
    stop: ['ZZZ'],
    user: 'user-1',
  });
  same(answer.choices[0].message.content, p.text(), 'the text');
  same(answer.choices[0].finish_reason, 'stop', 'finish_reason');
  same(answer.object, 'chat.completion', 'object');
  positive(answer.usage.prompt_tokens, 'prompt_tokens');
  positive(answer.usage.completion_tokens, 'completion_tokens');
  same(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens, 'total_tokens');
  assert((await all(client.models.list())).length > 0, 'no model is listed');
}

async function streamed(p) {
  for (const text of [`echo: ${p.text()}`, `Tell me of towers: ${p.text()}`]) {
    const asked = { model: p.model(), messages: [user(text)], max_completion_tokens: 400 };
    const answer = await create(asked);
    const chunks = await all(create({ ...asked, stream: true, stream_options: { include_usage: true } }));
    const choices = chunks.flatMap((chunk) => chunk.choices);
    const pieces = choices.map((choice) => choice.delta.content ?? '').filter((piece) => piece);
    assert(pieces.length > 1, 'it came in one piece');
    same(pieces.join(''), answer.choices[0].message.content, 'the streamed text');
    const reasons = choices.map((choice) => choice.finish_reason).filter((reason) => reason);
    same(reasons, [answer.choices[0].finish_reason], 'finish_reason');
    const usage = chunks.map((chunk) => chunk.usage).filter((usage) => usage).at(-1);
    same(usage.completion_tokens, answer.usage.completion_tokens, 'completion_tokens');
    positive(usage.prompt_tokens, 'prompt_tokens');
  }
}

async function tool_loop(p) {
  const ask = (messages, isStreamed) => {
    const asked = { model: p.model(), messages, tools: [TOOL] };
    return isStreamed ? chat.stream(asked).finalChatCompletion() : create(asked);
  };
  for (const isStreamed of [false, true]) {
    const messages = [user(`What is the weather in Paris? (${p.text()} ${isStreamed})`)];
    const answer = await ask(messages, isStreamed);
    const { message, finish_reason } = answer.choices[0];
    same(finish_reason, 'tool_calls', 'finish_reason');
    if (!isStreamed) positive(answer.usage.completion_tokens, 'completion_tokens');
    same(message.tool_calls.length, 1, 'the number of calls');
    const [call] = message.tool_calls;
    same([call.function.name, cityOf(call)], ['get_weather', 'Paris'], 'the call');
    assert(['celsius', 'fahrenheit'].includes(JSON.parse(call.function.arguments).unit), call.function.arguments);
    // What the SDK adds on its own side is none of the provider's business.
    const { parsed, ...said } = message;
    const tool_calls = message.tool_calls.map(({ id, type, function: { name, arguments: text } }) => ({
      id, type, function: { name, arguments: text },
    }));
    messages.push({ ...said, tool_calls }, { role: 'tool', tool_call_id: call.id, content: RESULT });
    const final = await ask(messages, isStreamed);
    holds(final.choices[0].message.content, RESULT);
    same(final.choices[0].finish_reason, 'stop', 'finish_reason');
  }
}

async function parallel_tools(p) {
  const messages = [user(`What is the weather in Paris and London? (${p.text()})`)];
  const asked = { model: p.model(), tools: [TOOL] };
  const { message } = (await create({ ...asked, messages, parallel_tool_calls: true })).choices[0];
  same(message.tool_calls.map(cityOf), ['Paris', 'London'], 'the cities');
  same(new Set(message.tool_calls.map((call) => call.id)).size, 2, 'the number of ids');
  const first = [...messages];
  messages.push(message);
  for (const call of message.tool_calls) {
    messages.push({ role: 'tool', tool_call_id: call.id, content: `${cityOf(call)}: ${RESULT}` });
  }
  const final = await create({ ...asked, messages });
  holds(final.choices[0].message.content, `Paris: ${RESULT}; London: ${RESULT}`);
  const one = await create({ ...asked, messages: first, parallel_tool_calls: false }).withResponse();
  cells.forbidsParallel(p, one.data.choices[0].message.tool_calls.length, one.response.headers, 'parallel_tool_calls');
  const streamed = await chat.stream({ ...asked, messages: first }).finalChatCompletion();
  same(streamed.choices[0].message.tool_calls.map(cityOf), ['Paris', 'London'], 'the streamed cities');
}

async function structured_output(p) {
  const response_format = { type: 'json_schema', json_schema: { name: 'city', schema: cells.CITY, strict: true } };
  const asked = { model: p.model(), messages: [user(`Describe Paris. ${p.text()}`)], response_format };
  const answer = await chat.parse(asked);
  const city = JSON.parse(answer.choices[0].message.content);
  isCity(city);
  const streamed = await chat.stream(asked).finalChatCompletion();
  same(JSON.parse(streamed.choices[0].message.content), city, 'the streamed value');
}

async function image(p) {
  const content = [
    { type: 'text', text: `echo: ${p.text()}` },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${cells.PNG}` } },
    { type: 'image_url', image_url: { url: cells.PICTURE_URL } },
  ];
  const answer = await create({ model: p.model(), messages: [user(content)] });
  same(answer.choices[0].message.content, p.text(), 'the text');
  const [[, body]] = p.sent(p.text());
  holds(JSON.stringify(body), cells.PNG);
  cells.pictureArrived(p, body);
}

async function document(p) {
  const file = { filename: 'timetable.pdf', file_data: `data:application/pdf;base64,${cells.PDF}` };
  const content = [{ type: 'text', text: `echo: ${p.text()}` }, { type: 'file', file }];
  const answer = await create({ model: p.model(), messages: [user(content)] });
  holds(answer.choices[0].message.content, p.text());
  const [[, body]] = p.sent(p.text());
  cells.pdfArrived(p, body);
}

async function reasoning_with_tools(p) {
  const asked = { model: p.model(), tools: [TOOL], reasoning_effort: 'high' };
  const messages = [user(`What is the weather in Paris? (${p.text()})`)];
  const answer = await create({ ...asked, messages });
  const { message } = answer.choices[0];
  if (p.dialect === 'openai_responses') {
    // Its vendor tells thoughts to clients of Chat Completions in numbers only.
    positive(answer.usage.completion_tokens_details.reasoning_tokens, 'reasoning_tokens');
    messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: RESULT });
    holds((await create({ ...asked, messages })).choices[0].message.content, RESULT);
    return p.partly(cells.THOUGHTS_IN_NUMBERS);
  }
  assert(message.reasoning_content, 'there is no reasoning');
  if (p.dialect === 'openai_chat') positive(answer.usage.completion_tokens_details.reasoning_tokens, 'reasoning_tokens');
  const chunks = await all(create({ ...asked, messages, stream: true }));
  const pieces = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta.reasoning_content ?? ''));
  same(pieces.join(''), message.reasoning_content, 'the streamed reasoning');
  messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: RESULT });
  const { data: final, response } = await create({ ...asked, messages }).withResponse();
  holds(final.choices[0].message.content, RESULT);
  cells.thinksAgain(p, final.choices[0].message.reasoning_content);
  // Reasoning of an earlier turn reaches the provider, or its loss is told.
  const [, body] = p.sent(p.text()).at(-1);
  const notices = response.headers.get(cells.NOTICES);
  cells.takenUpPlain(p, body, message.reasoning_content, notices, 'messages[1].reasoning_content;meaning');
}

async function error(p) {
  const ask = (directives, more) => create({ model: p.model(directives), messages: [user(p.text())], ...more });
  const limited = await raises(OpenAI.RateLimitError, () => ask('?fault=rate_limited:retry_after=2'));
  same(limited.headers.get('retry-after'), '2', 'retry-after');
  const missing = await raises(OpenAI.NotFoundError, () => ask('', { model: 'nowhere/sim-1' }));
  holds(missing.message, 'nowhere/sim-1');
  if (!cells.TAKES_SILENCE.includes(p.dialect)) await raises(OpenAI.BadRequestError, () => ask('', { messages: [] }));
  await raises(OpenAI.BadRequestError, () => ask('?fault=bad_request'));
  await raises(OpenAI.InternalServerError, () => ask('?fault=overloaded'));
  await raises(OpenAI.InternalServerError, () => ask('?fault=server_error'));
  const stranger = client.withOptions({ apiKey: 'wrong' });
  await raises(OpenAI.AuthenticationError, () => all(stranger.models.list()));
  for (const fault of ['stream_error:after=4', 'cut:after=4', 'clean_cut:after=4']) {
    await raises(OpenAI.APIError, () => all(ask(`?fault=${fault}`, { stream: true })));
  }
}

async function cancel(p) {
  const model = p.model('?tokens_per_second=10&output_tokens=400');
  const stream = await create({ model, messages: [user(p.text())], stream: true });
  let seen = 0;
  for await (const _ of stream) {
    seen += 1;
    if (seen === 4) break;
  }
  stream.controller.abort();
  const [[number]] = p.sent(p.text());
  await cells.endedEarly(number);
}

async function embeddings(p) {
  const input = [p.text(), 'a second text', 'a third'];
  const model = p.model().replace('sim-1', 'sim-embed');
  if (!cells.EMBEDS.includes(p.dialect)) {
    const refused = await raises(OpenAI.APIError, () => client.embeddings.create({ model, input }));
    // A provider that has them is named.
    p.refused(refused, 'these providers have: chat', cells.NO_VECTORS);
  }
  const answer = await client.embeddings.create({ model, input });
  same(answer.data.map((item) => item.index), [0, 1, 2], 'the numbers');
  positive(answer.usage.prompt_tokens, 'prompt_tokens');
  const plain = await client.embeddings.create({ model, input, encoding_format: 'float' });
  // The SDK asks for base64 unless told otherwise: both must be the same numbers, to the precision of 32 bits.
  const far = plain.data[1].embedding.filter((number, place) => Math.abs(number - answer.data[1].embedding[place]) > 1e-6);
  same(far, [], 'what differs between base64 and float');
  const short = await client.embeddings.create({ model, input: input[0], dimensions: 256 });
  same(short.data[0].embedding.length, 256, 'the dimensions that were asked for');
}

cells.run('openai (JavaScript)', 'openai_chat', cells.version('openai'), [
  whole, streamed, tool_loop, parallel_tools, structured_output, image, document, reasoning_with_tools, error, cancel,
  embeddings,
]);
