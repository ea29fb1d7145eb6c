// The official JavaScript SDK of Anthropic, through the gateway.

'use strict';

const assert = require('node:assert/strict');
const cells = require('./cells.cjs');
const { all, holds, isCity, positive, raises, same } = cells;

const Anthropic = cells.sdk('@anthropic-ai/sdk').Anthropic;
const client = new Anthropic({ baseURL: cells.URL, apiKey: cells.KEY, maxRetries: 0, timeout: 30_000 });
const create = (asked, options) => client.messages.create(asked, options);
const TOOL = { name: 'get_weather', description: 'The weather of a city', input_schema: cells.WEATHER };
const RESULT = '21 degrees and a light breeze';
const user = (content) => ({ role: 'user', content });
const textOf = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('');
const callsOf = (message) => message.content.filter((block) => block.type === 'tool_use');
const resultOf = (call, text) => ({ type: 'tool_result', tool_use_id: call.id, content: text });
const said = (message) => ({ role: 'assistant', content: message.content });

async function whole(p) {
  const answer = await create({
    model: p.model(),
    max_tokens: 300,
    system: [{ type: 'text', text: 'You guard a line.' }],
    messages: [user(`echo: ${p.text()}`)],
    stop_sequences: ['ZZZ'],
    metadata: { user_id: 'user-1' },
  });
  same(textOf(answer), p.text(), 'the text');
  same(answer.stop_reason, 'end_turn', 'stop_reason');
  same([answer.type, answer.role], ['message', 'assistant'], 'type and role');
  positive(answer.usage.input_tokens, 'input_tokens');
  positive(answer.usage.output_tokens, 'output_tokens');
  assert((await all(client.models.list())).length > 0, 'no model is listed');
  if (p.dialect === 'anthropic_messages') {
    const counted = await client.messages.countTokens({ model: p.model(), messages: [user(`echo: ${p.text()}`)] });
    positive(counted.input_tokens, 'the count of tokens');
  }
}

async function streamed(p) {
  for (const text of [`echo: ${p.text()}`, `Tell me of towers: ${p.text()}`]) {
    const asked = { model: p.model(), max_tokens: 400, messages: [user(text)] };
    const answer = await create(asked);
    const kinds = (await all(create({ ...asked, stream: true }))).map((event) => event.type);
    same([kinds[0], ...kinds.slice(-2)], ['message_start', 'message_delta', 'message_stop'], 'the events');
    assert(kinds.filter((kind) => kind === 'content_block_delta').length > 1, 'it came in one piece');
    const pieces = [];
    const stream = client.messages.stream(asked).on('text', (piece) => pieces.push(piece));
    const final = await stream.finalMessage();
    same(pieces.join(''), textOf(answer), 'the streamed text');
    same(final.stop_reason, answer.stop_reason, 'stop_reason');
    same(final.usage.output_tokens, answer.usage.output_tokens, 'output_tokens');
    positive(final.usage.input_tokens, 'input_tokens');
  }
}

async function tool_loop(p) {
  const ask = (messages, isStreamed) => {
    const asked = { model: p.model(), max_tokens: 500, messages, tools: [TOOL] };
    return isStreamed ? client.messages.stream(asked).finalMessage() : create(asked);
  };
  for (const isStreamed of [false, true]) {
    const messages = [user(`What is the weather in Paris? (${p.text()} ${isStreamed})`)];
    const answer = await ask(messages, isStreamed);
    same(answer.stop_reason, 'tool_use', 'stop_reason');
    positive(answer.usage.output_tokens, 'output_tokens');
    const calls = callsOf(answer);
    same(calls.map((call) => [call.name, call.input.city]), [['get_weather', 'Paris']], 'the calls');
    assert(['celsius', 'fahrenheit'].includes(calls[0].input.unit), calls[0].input.unit);
    messages.push(said(answer), user([resultOf(calls[0], RESULT)]));
    const final = await ask(messages, isStreamed);
    holds(textOf(final), RESULT);
    same(final.stop_reason, 'end_turn', 'stop_reason');
  }
}

async function parallel_tools(p) {
  const first = [user(`What is the weather in Paris and London? (${p.text()})`)];
  const asked = { model: p.model(), max_tokens: 500, tools: [TOOL] };
  const answer = await create({ ...asked, messages: first });
  const calls = callsOf(answer);
  same(calls.map((call) => call.input.city), ['Paris', 'London'], 'the cities');
  same(new Set(calls.map((call) => call.id)).size, 2, 'the number of ids');
  const results = calls.map((call) => resultOf(call, `${call.input.city}: ${RESULT}`));
  const final = await create({ ...asked, messages: [...first, said(answer), user(results)] });
  holds(textOf(final), `Paris: ${RESULT}; London: ${RESULT}`);
  const tool_choice = { type: 'auto', disable_parallel_tool_use: true };
  const one = await create({ ...asked, messages: first, tool_choice }).withResponse();
  cells.forbidsParallel(p, callsOf(one.data).length, one.response.headers, 'tool_choice.disable_parallel_tool_use');
  const streamed = await client.messages.stream({ ...asked, messages: first }).finalMessage();
  same(callsOf(streamed).map((call) => call.input.city), ['Paris', 'London'], 'the streamed cities');
}

async function structured_output(p) {
  const output_config = { format: { type: 'json_schema', schema: cells.CITY } };
  const asked = { model: p.model(), max_tokens: 500, messages: [user(`Describe Paris. ${p.text()}`)], output_config };
  const city = JSON.parse(textOf(await client.messages.parse(asked)));
  isCity(city);
  const streamed = await client.messages.stream(asked).finalMessage();
  same(JSON.parse(textOf(streamed)), city, 'the streamed value');
}

async function image(p) {
  const content = [
    { type: 'image', source: { type: 'base64', media_type: 'image/png', data: cells.PNG } },
    { type: 'image', source: { type: 'url', url: cells.PICTURE_URL } },
    { type: 'text', text: `echo: ${p.text()}` },
  ];
  const answer = await create({ model: p.model(), max_tokens: 300, messages: [user(content)] });
  same(textOf(answer), p.text(), 'the text');
  const [[, body]] = p.sent(p.text());
  holds(JSON.stringify(body), cells.PNG);
  cells.pictureArrived(p, body);
}

async function document(p) {
  const paper = { type: 'base64', media_type: 'application/pdf', data: cells.PDF };
  const note = { type: 'text', media_type: 'text/plain', data: cells.PLAIN };
  const content = [
    { type: 'text', text: `echo: ${p.text()}` },
    { type: 'document', source: paper, title: 'Timetable' },
    { type: 'document', source: note },
  ];
  holds(textOf(await create({ model: p.model(), max_tokens: 300, messages: [user(content)] })), p.text());
  const [[, body]] = p.sent(p.text());
  cells.documentArrived(p, body);
}

async function reasoning_with_tools(p) {
  await thinkThenCall(p, { thinking: { type: 'enabled', budget_tokens: 2000 } });
  await thinkThenCall(p, { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } });
}

async function thinkThenCall(p, reasoning) {
  const asked = { model: p.model(), max_tokens: 4000, tools: [TOOL], ...reasoning };
  const messages = [user(`What is the weather in Paris? (${p.text()})`)];
  const answer = await create({ ...asked, messages });
  const [thought] = answer.content;
  same(thought.type, 'thinking', 'the first block');
  assert(thought.thinking, 'there is no reasoning');
  const streamed = await client.messages.stream({ ...asked, messages }).finalMessage();
  same(streamed.content.map((block) => block.type), answer.content.map((block) => block.type), 'the streamed blocks');
  same(streamed.content[0], thought, 'the streamed reasoning');
  messages.push(said(answer), user([resultOf(callsOf(answer)[0], RESULT)]));
  const final = await create({ ...asked, messages });
  holds(textOf(final), RESULT);
  assert(final.content.some((block) => block.type === 'thinking'), 'there is no reasoning in the second turn');
  const [, body] = p.sent(p.text()).at(-1);
  cells.takenUp(p, body, thought.thinking);
}

async function error(p) {
  const ask = (directives, more) =>
    create({ model: p.model(directives), max_tokens: 300, messages: [user(p.text())], ...more });
  const limited = await raises(Anthropic.RateLimitError, () => ask('?fault=rate_limited:retry_after=2'));
  same(limited.headers.get('retry-after'), '2', 'retry-after');
  const missing = await raises(Anthropic.NotFoundError, () => ask('', { model: 'nowhere/sim-1' }));
  holds(missing.message, 'nowhere/sim-1');
  if (!cells.TAKES_SILENCE.includes(p.dialect)) await raises(Anthropic.BadRequestError, () => ask('', { messages: [] }));
  await raises(Anthropic.BadRequestError, () => ask('?fault=bad_request'));
  await raises(Anthropic.InternalServerError, () => ask('?fault=overloaded'));
  await raises(Anthropic.InternalServerError, () => ask('?fault=server_error'));
  const stranger = client.withOptions({ apiKey: 'wrong' });
  await raises(Anthropic.AuthenticationError, () => all(stranger.models.list()));
  for (const fault of ['stream_error:after=4', 'cut:after=4', 'clean_cut:after=4']) {
    await raises(Anthropic.APIError, () => all(ask(`?fault=${fault}`, { stream: true })));
  }
}

async function cancel(p) {
  const model = p.model('?tokens_per_second=10&output_tokens=400');
  const stream = await create({ model, max_tokens: 1000, messages: [user(p.text())], stream: true });
  let seen = 0;
  for await (const _ of stream) {
    seen += 1;
    if (seen === 5) break;
  }
  stream.controller.abort();
  const [[number]] = p.sent(p.text());
  await cells.endedEarly(number);
}

cells.run('anthropic (JavaScript)', 'anthropic_messages', cells.version('@anthropic-ai/sdk'), [
  whole, streamed, tool_loop, parallel_tools, structured_output, image, document, reasoning_with_tools, error, cancel,
]);
