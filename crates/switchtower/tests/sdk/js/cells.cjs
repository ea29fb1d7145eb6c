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

const PROVIDERS = [
  ['chat', 'openai_chat'], ['responses', 'openai_responses'], ['messages', 'anthropic_messages'], ['gemini', 'google_gemini'],
];

// A provider of the gateway: the first part of a model's name, and what it speaks.
class Provider {
  constructor(client, name, dialect) {
    Object.assign(this, { client, name, dialect, scenario: '' });
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
    for (const file of fs.readdirSync(CAPTURES).filter((file) => file.endsWith('.json')).sort()) {
      const { body } = JSON.parse(fs.readFileSync(path.join(CAPTURES, file), 'utf8'));
      if (JSON.stringify(body).includes(marker)) found.push([file.slice(0, -'.json'.length), body]);
    }
    assert(found.length > 0, `no request with ${marker} reached the provider`);
    return found;
  }
}

async function run(client, clientDialect, clientVersion, scenarios) {
  for (const [name, dialect] of PROVIDERS) {
    const provider = new Provider(`${client} ${clientDialect}`, name, dialect);
    for (const scenario of scenarios) {
      provider.scenario = scenario.name;
      let [result, detail] = ['passed', ''];
      try {
        await scenario(provider);
      } catch (error) {
        const line = /\/sdk\/js\/(?!cells)[^:]*:(\d+)/.exec(error.stack || '')?.[1] ?? '?';
        [result, detail] = ['failed', `line ${line}: ${error.name}: ${error.message}`.slice(0, 600)];
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

// One call where parallel ones are forbidden; Google's models cannot be forbidden them, which is told.
function forbidsParallel(p, calls, headers, field) {
  if (p.dialect === 'google_gemini') holds(headers.get('x-switchtower-notices'), field);
  else same(calls, 1, 'the calls where parallel ones are forbidden');
}

// Reasoning of an earlier turn reached the provider: in words, or as the seal of a vendor that wants nothing else.
function takenUp(p, body, thought) {
  const sent = JSON.stringify(body);
  if (p.dialect !== 'google_gemini') return holds(sent, thought);
  holds(sent, 'thoughtSignature');
  assert(!sent.includes('skip_thought_signature'), 'the call came back without its own signature');
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
  CITY, KEY, PICTURE_URL, PNG, URL, WEATHER, all, endedEarly, forbidsParallel, holds, isCity, positive, raises, run, same, sdk, takenUp, version,
};
