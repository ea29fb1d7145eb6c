// Runs the scenarios of one SDK against each provider and prints a line of JSON for each cell: what cells.py is to Python.

'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');
const { setTimeout: pause } = require('node:timers/promises');

const URL = process.env.SWITCHTOWER_URL;
const KEY = process.env.SWITCHTOWER_KEY;
const CAPTURES = process.env.SWITCHTOWER_CAPTURES;

// The SDKs are installed apart from the sources.
const modules = process.env.SWITCHTOWER_NODE_MODULES;
const sdk = (name) => createRequire(path.join(modules, 'x.cjs'))(name);
const version = (name) => JSON.parse(fs.readFileSync(path.join(modules, name, 'package.json'), 'utf8')).version;

// A picture of one pixel.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const PICTURE_URL = 'https://pictures.example/tower.png';
const PICTURE_S3 = 's3://pictures/tower.png';
// A page without anything on it.
const PDF = Buffer.from(
  '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n'
    + '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n',
).toString('base64');
const PLAIN = 'The points are set for the main line.';
const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
  required: ['city', 'unit'],
  additionalProperties: false,
};
const CITY = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    inhabitants: { type: 'integer' },
    districts: { type: 'array', items: { type: 'string' } },
    capital: { type: 'boolean' },
  },
  required: ['name', 'inhabitants', 'districts', 'capital'],
  additionalProperties: false,
};

// Why cells cannot work, where clients of Python and JavaScript share the reason.
const NO_VECTORS_OF_BEDROCK = 'Bedrock embeds by bodies of each model\'s own, which no other provider takes';
const NO_VECTORS_OF_SIM = 'Bedrock embeds by bodies of each model\'s own; they arrive as they are, and the simulator has no such model';
const NO_VECTORS = 'the provider has no embeddings';
const THOUGHTS_IN_NUMBERS = 'thoughts of Responses are told to clients of Chat Completions in numbers only, as their vendor has it';
const S3_IS_OF_BEDROCK = 'what lies in S3 is read by Bedrock alone';
const NOTICES = 'x-switchtower-notices';

const PROVIDERS = [
  ['chat', 'openai_chat'],
  ['responses', 'openai_responses'],
  ['messages', 'anthropic_messages'],
  ['gemini', 'google_gemini'],
  ['converse', 'bedrock_converse'],
  ['cohere-chat', 'cohere_chat'],
  ['ollama-chat', 'ollama_chat'],
];
// Those that have no word for one call at a time.
const SEVERAL_CALLS = ['google_gemini', 'bedrock_converse', 'cohere_chat', 'ollama_chat'];
// Those that take thoughts of an earlier turn in words.
const TAKES_PLAIN_THOUGHTS = ['openai_chat', 'cohere_chat', 'ollama_chat'];
// Those that have services besides answers.
const EMBEDS = ['openai_chat', 'google_gemini', 'cohere_chat', 'ollama_chat'];
// Those whose thoughts have no seal.
const UNSEALED = ['openai_chat', 'cohere_chat', 'ollama_chat'];
// Those that count thoughts as output and do not say how many they are.
const UNCOUNTED_THOUGHTS = ['anthropic_messages', 'bedrock_converse', 'ollama_chat'];
// Those that take what they are shown in the request itself only, and those that take no papers at all.
const SHOWN_INLINE = ['bedrock_converse', 'ollama_chat'];
const NO_PAPERS = ['cohere_chat', 'ollama_chat'];
// Those for which a conversation of nothing is none of a mistake.
const TAKES_SILENCE = ['ollama_chat'];
// Those that cannot be made to call a tool.
const CALLS_AT_WILL = ['ollama_chat'];

// What the gateway told of the last answer, whatever client it went to: all but AWS's fetch.
let heard = null;
const lastNotices = () => heard;
const { fetch } = globalThis;
globalThis.fetch = async (...request) => {
  const response = await fetch(...request);
  heard = response.headers.get(NOTICES);
  return response;
};

// A scenario cannot work with a provider, and the gateway refused it by name; it says why.
class Refused extends Error {}

// A provider of the gateway: the first part of a model's name, and what it speaks.
class Provider {
  constructor(client, name, dialect) {
    Object.assign(this, { client, name, dialect });
    this.begin('');
  }

  begin(scenario) {
    // What was sent before is of other scenarios.
    const before = fs.readdirSync(CAPTURES).map((file) => Number.parseInt(file, 10)).filter((number) => number > 0);
    Object.assign(this, { scenario, reasons: [], before: Math.max(0, ...before) });
  }

  model(directives = '') {
    return `${this.name}/sim-1${directives}`;
  }

  // A text that no other cell sends, by which its requests can be found.
  text() {
    return `all is quiet on the line — ${this.client.toLowerCase()} ${this.name} ${this.scenario} ✓ é 汉字 🚂`;
  }

  // The requests that reached the provider and hold a text: their numbers and bodies, oldest first.
  sent(marker) {
    const found = [];
    const files = fs.readdirSync(CAPTURES).filter((file) => file.endsWith('.json') && Number.parseInt(file, 10) > this.before);
    for (const file of files.sort((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10))) {
      const { body } = JSON.parse(fs.readFileSync(path.join(CAPTURES, file), 'utf8'));
      if (JSON.stringify(body).includes(marker)) found.push([file.slice(0, -'.json'.length), body]);
    }
    assert(found.length > 0, `no request with ${marker} reached the provider`);
    return found;
  }

  // The provider cannot take a part of the request, and the gateway told so in a notice.
  lost(notices, path, reason) {
    holds(notices, path);
    this.partly(reason);
  }

  // It works but for something that is nobody's loss to tell.
  partly(reason) {
    if (!this.reasons.includes(reason)) this.reasons.push(reason);
  }

  // The provider cannot do it at all, and the gateway refused it by name.
  refused(error, part, reason) {
    holds(error.message, part);
    throw new Refused(reason);
  }
}

async function run(client, clientDialect, clientVersion, scenarios) {
  for (const [name, dialect] of PROVIDERS) {
    const provider = new Provider(`${client} ${clientDialect}`, name, dialect);
    for (const scenario of scenarios) {
      provider.begin(scenario.name);
      let [result, detail] = ['passed', ''];
      try {
        await scenario(provider);
        if (provider.reasons.length > 0) [result, detail] = ['in part', provider.reasons.join('\n')];
      } catch (error) {
        const line = /\/sdk\/js\/(?!cells)[^:]*:(\d+)/.exec(error.stack || '')?.[1] ?? '?';
        [result, detail] = error instanceof Refused
          ? ['refused', error.message]
          : ['failed', `line ${line}: ${error.name}: ${error.message}`.slice(0, 600)];
      }
      console.log(JSON.stringify({
        client,
        version: clientVersion,
        client_dialect: clientDialect,
        provider_dialect: dialect,
        scenario: scenario.name,
        result,
        detail,
      }));
    }
  }
}

const same = (found, wanted, what) => assert.deepEqual(found, wanted, `${what} is ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`);
const holds = (text, part) => assert((text ?? '').includes(part), `${part} is not in ${text}`);
const positive = (number, what) => assert(Number.isInteger(number) && number > 0, `${what} is ${number}`);

function isCity(value) {
  same(Object.keys(value).sort(), [...CITY.required].sort(), 'the fields');
  same(typeof value.name, 'string', 'the type of name');
  assert(Number.isInteger(value.inhabitants), 'inhabitants is no whole number');
  assert(Array.isArray(value.districts), 'districts is no list');
  same(typeof value.capital, 'boolean', 'the type of capital');
}

// One call where parallel ones are forbidden; some models cannot be forbidden them, which is told.
function forbidsParallel(p, calls, headers, field) {
  const reason = `models of ${p.dialect} cannot be forbidden parallel calls`;
  if (SEVERAL_CALLS.includes(p.dialect)) p.lost(headers.get(NOTICES), field, reason);
  else same(calls, 1, 'the calls where parallel ones are forbidden');
}

// Reasoning of an earlier turn reached the provider: in words, or as the seal of a vendor that wants nothing else.
function takenUp(p, body, thought) {
  const sent = JSON.stringify(body);
  if (p.dialect !== 'google_gemini') return holds(sent, thought);
  holds(sent, 'thoughtSignature');
  assert(!sent.includes('skip_thought_signature'), 'the call came back without its own signature');
}

// The address of a picture reached the provider, or its loss is told.
function pictureArrived(p, body) {
  if (SHOWN_INLINE.includes(p.dialect)) p.lost(lastNotices(), ';meaning', `${p.dialect} takes pictures in the request itself only`);
  else holds(JSON.stringify(body), PICTURE_URL);
}

// The bytes of a PDF reached the provider, in either alphabet of base64, or their loss is told.
function pdfArrived(p, body, notices = lastNotices()) {
  if (NO_PAPERS.includes(p.dialect)) return p.lost(notices, ';meaning', `${p.dialect} takes no PDF`);
  holds(JSON.stringify(body).replaceAll(PDF.replaceAll('+', '-').replaceAll('/', '_'), PDF), PDF);
}

// The bytes of a PDF and the words of a text reached the provider.
function documentArrived(p, body, notices = lastNotices()) {
  pdfArrived(p, body, notices);
  const sent = JSON.stringify(body);
  holds(sent.replaceAll(Buffer.from(PLAIN).toString('base64'), PLAIN), PLAIN);
}

// The same from clients whose dialect has no place for seals: vendors that want one get nothing, which is told.
function takenUpPlain(p, body, thought, notices, at) {
  if (TAKES_PLAIN_THOUGHTS.includes(p.dialect)) holds(JSON.stringify(body), thought);
  else p.lost(notices, at, `a thought comes back without the seal that ${p.dialect} wants`);
}

// There are thoughts in the second turn, too, but where a model wants its first ones back to have any.
function thinksAgain(p, thought) {
  const reason = 'Claude at Bedrock is not asked to think about calls that come back without its sealed thoughts';
  if (p.dialect === 'bedrock_converse') p.lost(lastNotices(), ';meaning', reason);
  else assert(thought, 'there is no reasoning in the second turn');
}

async function raises(kind, call) {
  try {
    await call();
  } catch (error) {
    assert(error instanceof kind, `${error.constructor.name} (${error.message}) was thrown, wanted ${kind.name}`);
    return error;
  }
  throw new assert.AssertionError({ message: `${kind.name} was not thrown` });
}

async function all(stream) {
  const events = [];
  for await (const event of await stream) events.push(event);
  return events;
}

// Waits until the provider's side of an exchange has ended before its time.
async function endedEarly(number, milliseconds = 1000) {
  const until = Date.now() + milliseconds;
  while (Date.now() < until) {
    if (fs.existsSync(path.join(CAPTURES, `${number}.aborted`))) return;
    assert(!fs.existsSync(path.join(CAPTURES, `${number}.whole`)), 'the answer ended of itself');
    await pause(10);
  }
  assert.fail(`the provider was still being read ${milliseconds} ms after the client had left`);
}

module.exports = {
  CALLS_AT_WILL, CITY, EMBEDS, KEY, NOTICES, NO_VECTORS, NO_VECTORS_OF_BEDROCK, NO_VECTORS_OF_SIM, PDF, PICTURE_S3, PICTURE_URL, PLAIN, PNG,
  S3_IS_OF_BEDROCK, TAKES_SILENCE, THOUGHTS_IN_NUMBERS, UNCOUNTED_THOUGHTS, UNSEALED, URL, WEATHER, all, documentArrived, endedEarly, forbidsParallel, holds, isCity,
  lastNotices, pdfArrived, pictureArrived, positive, raises, run, same, sdk, takenUp, takenUpPlain, thinksAgain, version,
};
