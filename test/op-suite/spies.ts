/** @file Jasmine's spies, as far as tfjs's tests use them. */

import { isDeepStrictEqual } from 'node:util';

type Call = (...args: unknown[]) => unknown;

interface SpyCall {
  object: unknown;
  args: unknown[];
}

export interface Spy extends Call {
  and: { callThrough: () => Spy; returnValue: (value: unknown) => Spy; callFake: (fake: Call) => Spy };
  calls: { count: () => number; first: () => SpyCall; mostRecent: () => SpyCall; all: () => SpyCall[] };
}

/** What puts each replaced method back, in the order of replacement. */
const installed: (() => void)[] = [];

/** Replaces a method until `restoreSpies`. */
export function spyOn(object: Record<string, Call>, name: string): Spy {
  const original = object[name];
  if (original === undefined) throw new Error(`${name}() does not exist`);
  const own = Object.getOwnPropertyDescriptor(object, name);
  if (own && !own.writable) throw new Error(`${name} is not declared writable`);
  const spy = makeSpy(original);
  object[name] = spy;
  installed.push(() => {
    if (own) Object.defineProperty(object, name, own);
    else Reflect.deleteProperty(object, name);
  });
  return spy;
}

export function spiesInstalled(): number {
  return installed.length;
}

/** Takes away all but the first `kept` spies. */
export function restoreSpies(kept: number): void {
  for (const restore of installed.splice(kept).reverse()) restore();
}

function makeSpy(original: Call): Spy {
  const calls: SpyCall[] = [];
  let behaviour: Call = () => undefined;
  const spy = function (this: unknown, ...args: unknown[]): unknown {
    calls.push({ object: this, args });
    return behaviour.apply(this, args);
  };
  const becomes = (next: Call): Spy => {
    behaviour = next;
    return spy as Spy;
  };
  return Object.assign(spy, {
    and: {
      callThrough: () => becomes(original),
      returnValue: (value: unknown) => becomes(() => value),
      callFake: becomes,
    },
    calls: {
      count: () => calls.length,
      first: () => calls[0]!,
      mostRecent: () => calls.at(-1)!,
      all: () => calls,
    },
  });
}

export function wasCalledWith(spy: Spy, args: readonly unknown[]): boolean {
  return spy.calls.all().some((call) => isDeepStrictEqual(call.args, args));
}
