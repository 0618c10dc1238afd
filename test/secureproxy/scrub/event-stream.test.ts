import fc from 'fast-check';
import t from 'tap';
import { EventStreamFilter, isEventStream } from '../../../secureproxy/scrub/event-stream.ts';
import { Scrubber } from '../../../secureproxy/scrub/scrubber.ts';

const token = 'made-up-token-1234567890';
const scrubber = new Scrubber([token], []);
const newFilter = (of = scrubber) => new EventStreamFilter(of.bodyFilter());

/** The output for a body in chunks that end at these places. */
function pass(filter: EventStreamFilter, body: string, cuts: readonly number[]): string {
  const at = [0, ...cuts.toSorted((a, b) => a - b), body.length];
  const chunks = at.slice(1).map((to, i) => Buffer.from(body.slice(at[i], to)));
  return Buffer.concat([...chunks.map((one) => filter.write(one)), filter.end()]).toString();
}

t.test('an event passes as soon as its blank line has come', async (t) => {
  for (const end of ['\n\n', '\r\n\r\n', '\r\r']) {
    const filter = newFilter();
    const event = `data: {"price":1}${end}`;
    t.equal(filter.write(Buffer.from(event.trimEnd())).length, 0, 'not yet');
    const passed = filter.write(Buffer.from(end)).toString();
    t.ok(passed.startsWith(event.trimEnd()), JSON.stringify(end));
  }
});

t.test('events are redacted, however they are cut into chunks', async () => {
  const events = `data: a\n\ndata: the ${token} b\n\nid: 7\r\ndata: ${token}\r\n\r\n: end`;
  const expected = events.replaceAll(token, '[redacted]');
  fc.assert(
    fc.property(fc.array(fc.nat(events.length), { maxLength: 9 }), (cuts) => {
      const filter = newFilter();
      const passed = pass(filter, events, cuts);
      return passed === expected && filter.redactions === 2;
    }),
  );
});

t.test('a blank line gives up nothing that was to be left out', async () => {
  const members = new Scrubber([token], ['access_token']);
  for (const [body, expected] of [
    ['access_token:\n\nmade-up', '[redacted]'],
    ['data: access_token=made-up\n\ndata: made-up\n\n', 'data: [redacted]'],
    ['{"access_token":\n\n"made-up","b":1}', '{"access_token":\n\n"[redacted]","b":1}'],
    ['{"access_token":["made-up",\r\r"made-up"],"b":1}', '{"access_token":"[redacted]","b":1}'],
    ['{"access_token":made-up\n\nmade-up', '{"access_token":[redacted]'],
    ['{"access_token":"made\n\nmade-up"', '{"access_token":"[redacted]"'],
  ] as const) {
    fc.assert(
      fc.property(fc.array(fc.nat(body.length), { maxLength: 9 }), (cuts) => {
        const passed = pass(newFilter(members), body, cuts);
        return passed === expected;
      }),
    );
  }
});

t.test('only event streams are', async (t) => {
  for (const type of ['text/event-stream', 'Text/Event-Stream; charset=utf-8']) {
    t.ok(isEventStream({ 'content-type': type }), type);
  }
  for (const type of ['text/event-streams', 'text/plain', 'application/x-text/event-stream']) {
    t.notOk(isEventStream({ 'content-type': type }), type);
  }
  t.notOk(isEventStream({}));
});
