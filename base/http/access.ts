import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { SettingsError } from '../config.ts';
import { Problem } from './problem.ts';

const RIGHTS = ['read', 'ingest', 'reload'] as const;
export type Right = (typeof RIGHTS)[number];

/** A token that is known. It is kept as its hash, which is also as long as every other. */
interface Token {
  hash: Buffer;
  rights: ReadonlySet<Right>;
}

/** A shorter one could be guessed. */
const LEAST_TOKEN_CHARACTERS = 16;

const hashOf = (token: string) => createHash('sha256').update(token).digest();

/**
 * Reads HTTP_TOKENS_FILE: a token a line and its rights; empty lines and those that begin with # are left out.
 * @throws {SettingsError} with every bad line at once. No message repeats a token.
 */
export async function readTokens(path: string | undefined): Promise<Token[] | undefined> {
  if (path === undefined) return undefined;
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new SettingsError([`HTTP_TOKENS_FILE must name a readable file: ${error.message}`]);
  });
  const tokens: Token[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [token = '', rights = '', ...rest] = line.trim().split(/\s+/);
    const named = rights.split(',');
    const refuse = (what: string) => problems.push(`HTTP_TOKENS_FILE, line ${index + 1}: ${what}`);
    if (rest.length > 0 || !named.every(right => (RIGHTS as readonly string[]).includes(right))) {
      refuse('after the token must stand its rights, with commas between them: read, ingest, reload');
    } else if (!/^[\x21-\x7e]+$/.test(token) || token.length < LEAST_TOKEN_CHARACTERS) {
      refuse(`a token must have at least ${LEAST_TOKEN_CHARACTERS} printable ASCII characters`);
    } else if (tokens.some(({ hash }) => hash.equals(hashOf(token)))) {
      refuse('the token stands there twice');
    } else tokens.push({ hash: hashOf(token), rights: new Set(named as Right[]) });
  }
  if (problems.length === 0 && tokens.length === 0) problems.push('HTTP_TOKENS_FILE has no token');
  if (problems.length > 0) throw new SettingsError(problems);
  return tokens;
}

/**
 * Who may do what. With tokens: who brings one with the right. Without: everybody on this machine, but no page of another
 * site that a browser here has open (it may name us by a host name of its own, or post to us blindly).
 */
export class Access {
  #tokens: Token[] | undefined;

  constructor(tokens: Token[] | undefined) {
    this.#tokens = tokens;
  }

  /** How many tokens other ones add, remove or give other rights; undefined: they are the same. */
  compare(tokens: Token[] | undefined): { added: number; removed: number; changed: number } | undefined {
    const [before, after] = [rightsByHash(this.#tokens), rightsByHash(tokens)];
    const added = [...after.keys()].filter(hash => !before.has(hash)).length;
    const removed = [...before.keys()].filter(hash => !after.has(hash)).length;
    const changed = [...after].filter(([hash, rights]) => (before.get(hash) ?? rights) !== rights).length;
    return added + removed + changed === 0 ? undefined : { added, removed, changed };
  }

  /** Goes by other tokens from the next request on. */
  replace(tokens: Token[] | undefined): void {
    this.#tokens = tokens;
  }

  /** Whether the request may do what needs the right. */
  allows(request: FastifyRequest, right: Right): boolean {
    return this.#tokens === undefined || this.#tokenOf(request)?.rights.has(right) === true;
  }

  /** Tells clients apart: by token, where they have one that is known, else by address. */
  clientOf(request: FastifyRequest): string {
    return this.#tokenOf(request)?.hash.toString('base64') ?? request.ip;
  }

  /** Puts the routes of a scope behind a right; `scope` is a plugin of their own. */
  guard(scope: FastifyInstance, right: Right): void {
    const demand: onRequestAsyncHookHandler = async request => this.#demand(request, right);
    // Of the route, not of the scope: so it comes after the rate limit, which guessers meet as well.
    scope.addHook('onRoute', route => {
      route.onRequest = [route.onRequest ?? []].flat().concat(demand as never);
      if (this.#tokens !== undefined) route.schema = { ...route.schema, security: [{ token: [] }] };
    });
  }

  /** Turns away what comes from pages of other sites, where no token tells them from us. For every request. */
  readonly checkOrigin: onRequestAsyncHookHandler = async request => {
    if (this.#tokens !== undefined) return;
    const { host, origin } = request.headers;
    if (host !== undefined && !isLoopbackName(host)) {
      throw new Problem(
        403,
        `Without HTTP_TOKENS_FILE only names of this machine are served, not ${JSON.stringify(host)}.`,
      );
    }
    if (origin !== undefined && origin !== `http://${host}`) {
      throw new Problem(403, 'Without HTTP_TOKENS_FILE nothing is answered to pages of other sites.');
    }
  };

  #demand(request: FastifyRequest, right: Right): void {
    if (this.#tokens === undefined) return;
    const token = this.#tokenOf(request);
    if (token?.rights.has(right)) return;
    if (token !== undefined) throw new Problem(403, `This token has not the right to ${right}.`);
    throw new Problem(401, `This needs a token with the right to ${right}: Authorization: Bearer TOKEN.`, {
      headers: { 'www-authenticate': 'Bearer realm="sluice"' },
    });
  }

  /** Compares with every token, and in constant time: how long it takes tells nothing. */
  #tokenOf({ headers }: FastifyRequest): Token | undefined {
    const given = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (given === undefined || this.#tokens === undefined) return undefined;
    const hash = hashOf(given);
    let found: Token | undefined;
    for (const token of this.#tokens) if (timingSafeEqual(token.hash, hash)) found = token;
    return found;
  }
}

function rightsByHash(tokens: Token[] = []): Map<string, string> {
  return new Map(
    tokens.map(({ hash, rights }) => [
      hash.toString('base64'),
      RIGHTS.filter(right => rights.has(right)).join(),
    ]),
  );
}

function isLoopbackName(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
}
