// The official JavaScript SDK of OpenAI speaking Responses, through the gateway.

'use strict';

const assert = require('node:assert/strict');
const cells = require('./cells.cjs');
const { all, holds, isCity, positive, raises, same } = cells;

const OpenAI = cells.sdk('openai').OpenAI;
const client = new OpenAI({ baseURL: `${cells.URL}/v1`, apiKey: cells.KEY, maxRetries: 0, timeout: 30_000 });
const create = (asked, options) => client.responses.create(asked, options);
const TOOL = {
  type: 'function', name: 'get_weather', description: 'The weather of a city', parameters: cells.WEATHER, strict: true,
};
const RESULT = '21 degrees and a light breeze';
const user = (content) => ({ role: 'user', content });
const callsOf = (answer) => answer.output.filter((item) => item.type === 'function_call');
const cityOf = (call) => JSON.parse(call.arguments).city;
const resultOf = (call, output) => ({ type: 'function_call_output', call_id: call.call_id, output });
// What the SDK adds on its own side is none of the provider's business.
const givenBack = (answer) => answer.output.map(({ parsed_arguments, ...item }) => item);

async function whole(p) {
  const answer = await create({
    model: p.model(),
    instructions: 'You guard a line.',
    input: `echo: ${p.text()}`,
    max_output_tokens: 300,
    temperature: 1,
    user: 'user-1',
  });
  same(answer.output_text, p.text(), 'the text');
  same([answer.object, answer.status, answer.error], ['response', 'completed', null], 'object, status and error');
  positive(answer.usage.input_tokens, 'input_tokens');
  positive(answer.usage.output_tokens, 'output_tokens');
  same(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens, 'total_tokens');
  const towers = `Tell me of towers: ${p.text()}`;
  const cut = await create({ model: p.model('?output_tokens=400'), input: towers, max_output_tokens: 20 });
  same([cut.status, cut.incomplete_details.reason], ['incomplete', 'max_output_tokens'], 'why it ended');
  const [, body] = p.sent(p.text()).at(-1);
  same(body.store ?? false, false, 'store');
}

async function streamed(p) {
  for (const text of [`echo: ${p.text()}`, `Tell me of towers: ${p.text()}`]) {
    const asked = { model: p.model(), input: text, max_output_tokens: 400 };
    const answer = await create(asked);
    const events = await all(create({ ...asked, stream: true }));
    same(events.map((event) => event.sequence_number), events.map((_, place) => place), 'the numbers');
    same([events[0].type, events.at(-1).type], ['response.created', 'response.completed'], 'the first and the last');
    const pieces = events.filter((event) => event.type === 'response.output_text.delta').map((event) => event.delta);
    assert(pieces.length > 1, 'it came in one piece');
    same(pieces.join(''), answer.output_text, 'the streamed text');
    same(events.at(-1).response.usage.output_tokens, answer.usage.output_tokens, 'output_tokens');
    const gathered = await client.responses.stream(asked).finalResponse();
    same(gathered.output_text, answer.output_text, 'the text that the SDK gathered');
  }
}

async function tool_loop(p) {
  const ask = (input, isStreamed) => {
    const asked = { model: p.model(), input, tools: [TOOL] };
    return isStreamed ? client.responses.stream(asked).finalResponse() : create(asked);
  };
  for (const isStreamed of [false, true]) {
    const input = [user(`What is the weather in Paris? (${p.text()} ${isStreamed})`)];
    const answer = await ask(input, isStreamed);
    const calls = callsOf(answer);
    same(calls.length, 1, 'the number of calls');
    same([calls[0].name, cityOf(calls[0])], ['get_weather', 'Paris'], 'the call');
    const final = await ask([...input, ...givenBack(answer), resultOf(calls[0], RESULT)], isStreamed);
    holds(final.output_text, RESULT);
    same(final.status, 'completed', 'status');
  }
}

async function parallel_tools(p) {
  const input = [user(`What is the weather in Paris and London? (${p.text()})`)];
  const asked = { model: p.model(), tools: [TOOL] };
  const answer = await create({ ...asked, input, parallel_tool_calls: true });
  const calls = callsOf(answer);
  same(calls.map(cityOf), ['Paris', 'London'], 'the cities');
  same(new Set(calls.map((call) => call.call_id)).size, 2, 'the number of ids');
  const results = calls.map((call) => resultOf(call, `${cityOf(call)}: ${RESULT}`));
  const final = await create({ ...asked, input: [...input, ...givenBack(answer), ...results] });
  holds(final.output_text, `Paris: ${RESULT}; London: ${RESULT}`);
  const one = await create({ ...asked, input, parallel_tool_calls: false }).withResponse();
  cells.forbidsParallel(p, callsOf(one.data).length, one.response.headers, 'parallel_tool_calls');
  const streamed = await client.responses.stream({ ...asked, input }).finalResponse();
  same(callsOf(streamed).map(cityOf), ['Paris', 'London'], 'the streamed cities');
}

async function structured_output(p) {
  const text = { format: { type: 'json_schema', name: 'city', schema: cells.CITY, strict: true } };
  const asked = { model: p.model(), input: `Describe Paris. ${p.text()}`, text };
  const city = JSON.parse((await client.responses.parse(asked)).output_text);
  isCity(city);
  const streamed = await client.responses.stream(asked).finalResponse();
  same(JSON.parse(streamed.output_text), city, 'the streamed value');
}

async function image(p) {
  const content = [
    { type: 'input_text', text: `echo: ${p.text()}` },
    { type: 'input_image', image_url: `data:image/png;base64,${cells.PNG}`, detail: 'auto' },
    { type: 'input_image', image_url: cells.PICTURE_URL, detail: 'auto' },
  ];
  same((await create({ model: p.model(), input: [user(content)] })).output_text, p.text(), 'the text');
  const [[, body]] = p.sent(p.text());
  holds(JSON.stringify(body), cells.PNG);
  cells.pictureArrived(p, body);
}

async function document(p) {
  const file_data = `data:application/pdf;base64,${cells.PDF}`;
  const content = [
    { type: 'input_text', text: `echo: ${p.text()}` },
    { type: 'input_file', filename: 'timetable.pdf', file_data },
  ];
  holds((await create({ model: p.model(), input: [user(content)] })).output_text, p.text());
  const [[, body]] = p.sent(p.text());
  cells.pdfArrived(p, body);
}

async function reasoning_with_tools(p) {
  const asked = {
    model: p.model(),
    tools: [TOOL],
    reasoning: { effort: 'high', summary: 'auto' },
    include: ['reasoning.encrypted_content'],
    store: false,
  };
  const input = [user(`What is the weather in Paris? (${p.text()})`)];
  const answer = await create({ ...asked, input });
  const [thought] = answer.output;
  same(thought.type, 'reasoning', 'the first item');
  const text = thought.summary.map((part) => part.text).join('');
  assert(text, 'there is no reasoning');
  const events = await all(create({ ...asked, input, stream: true }));
  const pieces = events.filter((event) => event.type === 'response.reasoning_summary_text.delta');
  same(pieces.map((event) => event.delta).join(''), text, 'the streamed reasoning');
  const [call] = callsOf(answer);
  const final = await create({ ...asked, input: [...input, ...givenBack(answer), resultOf(call, RESULT)] });
  holds(final.output_text, RESULT);
  assert(final.output.some((item) => item.type === 'reasoning'), 'there is no reasoning in the second turn');
  // Reasoning of an earlier turn reaches the provider that thought it, with its seal where the provider has one.
  const isSealed = answer.output.some((item) => item.type === 'reasoning' && item.encrypted_content);
  same(isSealed, !cells.UNSEALED.includes(p.dialect), 'whether it is sealed');
  cells.takenUp(p, p.sent(p.text()).at(-1), text);
}

async function error(p) {
  const ask = (directives, more) => create({ model: p.model(directives), input: p.text(), ...more });
  const limited = await raises(OpenAI.RateLimitError, () => ask('?fault=rate_limited:retry_after=2'));
  same(limited.headers.get('retry-after'), '2', 'retry-after');
  const missing = await raises(OpenAI.NotFoundError, () => ask('', { model: 'nowhere/sim-1' }));
  holds(missing.message, 'nowhere/sim-1');
  if (!cells.TAKES_SILENCE.includes(p.dialect)) await raises(OpenAI.BadRequestError, () => ask('', { input: [] }));
  const stale = await raises(OpenAI.BadRequestError, () => ask('', { previous_response_id: 'resp_1' }));
  same([stale.code, stale.param], ['state_elsewhere', 'previous_response_id'], 'code and param');
  await raises(OpenAI.BadRequestError, () => ask('?fault=bad_request'));
  await raises(OpenAI.InternalServerError, () => ask('?fault=overloaded'));
  await raises(OpenAI.InternalServerError, () => ask('?fault=server_error'));
  await raises(OpenAI.AuthenticationError, () => all(client.withOptions({ apiKey: 'wrong' }).models.list()));
  for (const fault of ['stream_error:after=4', 'cut:after=4', 'clean_cut:after=4']) {
    await raises(OpenAI.APIError, () => all(ask(`?fault=${fault}`, { stream: true })));
  }
}

async function cancel(p) {
  const model = p.model('?tokens_per_second=10&output_tokens=400');
  const stream = await create({ model, input: p.text(), stream: true });
  let seen = 0;
  for await (const _ of stream) {
    seen += 1;
    if (seen === 6) break;
  }
  stream.controller.abort();
  const [[number]] = p.sent(p.text());
  await cells.endedEarly(number);
}

cells.run('openai (JavaScript)', 'openai_responses', cells.version('openai'), [
  whole, streamed, tool_loop, parallel_tools, structured_output, image, document, reasoning_with_tools, error, cancel,
]);
